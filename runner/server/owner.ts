/**
 * Which stack owns a container or a volume. A stack's first preflight makes an id. The stack keeps it in its state and writes it on
 * what it creates. Names are not enough: two checkouts of one program have the same names, and a stack can be renamed.
 */
import { randomUUID } from "node:crypto";
import * as z from "zod";
import type { Inspection } from "../docker/container";
import { type Docker, dockerFailure, spawnDocker } from "../docker/docker";
import { Failure } from "../lib/failure";
import { ownerLabel, PreflightResult, type PreflightRequest } from "../request";

const VolumeInspection = z.object({
  Name: z.string(),
  Labels: z.record(z.string(), z.string()).nullable(),
});
type VolumeInspection = z.infer<typeof VolumeInspection>;

/** Undefined when there is no such volume. */
export async function findVolume(docker: Docker, name: string): Promise<VolumeInspection | undefined> {
  const { failed, stdout, stderr, ...rest } = await spawnDocker(docker, ["volume", "inspect", "--", name], {
    reject: false,
  });
  if (!failed) return z.array(VolumeInspection).parse(JSON.parse(stdout))[0];
  if (/no such volume/i.test(stderr)) return undefined;
  throw dockerFailure({ ...rest, stderr });
}

/** The owner that a volume's label names, or a word that says that it has none. */
const ownerOf = ({ Name, Labels }: VolumeInspection) => Labels?.[ownerLabel] ?? `unlabelled:${Name}`;

/** Before owners had ids, the label was made of the names of organization, project, stack and component. */
const isOfNames = (label: string) => label.includes("/");

interface Existing {
  readonly container: Inspection | undefined;
  readonly volume: VolumeInspection | undefined;
}

/**
 * The owner id of a stack: the one from its last preflight, or a new one. A stack that has been up without an id was made by an
 * earlier version, and keeps what it has.
 */
export function knownOwner(again: string | undefined, { container, volume }: Existing): PreflightResult {
  if (again === undefined) return { owner: randomUUID(), adopted: [] };
  if (again !== "") return PreflightResult.parse(JSON.parse(again));
  const found = volume === undefined ? undefined : ownerOf(volume);
  const label = container?.Config.Labels?.[ownerLabel] ?? volume?.Labels?.[ownerLabel];
  const owner = label !== undefined && isOfNames(label) ? label : randomUUID();
  const mounted = container?.Mounts.some(({ Name }) => Name === volume?.Name) ?? true;
  const earlier = found !== undefined && found !== owner && mounted && !isId(found);
  return { owner, adopted: earlier ? [found] : [] };
}

const isId = (label: string) => z.uuid().safeParse(label).success;

/** Refuses a volume of another owner. Returns the owners whose volumes the stack has adopted, with this one if it is adopted now. */
export async function checkVolume(
  docker: Docker,
  { volume: name, adopt }: PreflightRequest,
  { owner, adopted }: PreflightResult,
  volume: VolumeInspection | undefined,
): Promise<readonly string[]> {
  if (volume === undefined) return adopted;
  const found = ownerOf(volume);
  if (found === owner || adopted.includes(found)) return adopted;
  const user = await runningWith(docker, volume.Name);
  const inUse =
    user === undefined
      ? ""
      : ` Container "${user}" runs on it: stop and remove that one before, or it loses its data.`;
  if (found === adopt && user === undefined) return [...adopted, found];
  throw new Failure(
    "volume-not-owned",
    `Volume "${name ?? volume.Name}" exists already and does not belong to this stack, but to "${found}". Choose another volume ` +
      `name, or remove the volume ("docker volume rm ${volume.Name}") if nobody needs its data. If this stack is to take it over, with ` +
      `its data, set adopt to "${found}".${inUse}`,
  );
}

async function runningWith(docker: Docker, volume: string): Promise<string | undefined> {
  const list = ["ps", "--filter", `volume=${volume}`, "--format", "{{.Names}}"];
  const { stdout } = await spawnDocker(docker, list, { reject: false });
  return stdout.split("\n").find((name) => name !== "");
}

/**
 * Refuses another volume than that of the last preflight while that one is there: the server would begin without its data. With
 * `keepData: false`, the engine would delete it as well.
 */
export async function checkKept(
  docker: Docker,
  { volume, keepData }: PreflightRequest,
  { owner, adopted, volume: last }: PreflightResult,
): Promise<void> {
  if (last === undefined || volume === last) return;
  const left = await findVolume(docker, last);
  if (left === undefined || ![owner, ...adopted].includes(ownerOf(left))) return;
  throw new Failure(
    "volume-not-kept",
    `The data is in volume "${last}". With "${volume ?? ""}" in its place, ` +
      (keepData
        ? "the server would begin without it. "
        : "the stack would delete it, because keepData is false. ") +
      `Set volumeName to "${last}" to go on with the data. To begin without, ` +
      (keepData
        ? `declare another PostgisContainer beside this one, or remove the volume ("docker volume rm ${last}").`
        : "destroy the stack first, which deletes it."),
  );
}
