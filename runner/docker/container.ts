import path from "node:path";
import { ExecaError } from "execa";
import { distance } from "fastest-levenshtein";
import * as z from "zod";
import { Failure } from "../lib/failure";
import { listed } from "../lib/format";
import { type Docker, dockerFailure, dockerOutput, spawnDocker } from "./docker";

const PortBinding = z.object({ HostIp: z.string(), HostPort: z.string() });
export type PortBinding = z.infer<typeof PortBinding>;
const PortBindings = z.record(z.string(), z.array(PortBinding).nullable());

const Inspection = z.object({
  Id: z.string(),
  Name: z.string(),
  Image: z.string(),
  RestartCount: z.int(),
  Config: z.object({
    Image: z.string(),
    /** Empty if the image does not set a user: root. */
    User: z.string().optional(),
    Labels: z.record(z.string(), z.string()).nullable(),
    /** Only PGDATA; the values of other variables may be secrets. */
    Env: z
      .array(z.string())
      .nullish()
      .transform((lines) => (lines ?? []).filter((line) => line.startsWith("PGDATA="))),
  }),
  State: z.object({
    Status: z.string(),
    Running: z.boolean(),
    Paused: z.boolean(),
    Restarting: z.boolean(),
    ExitCode: z.int(),
    OOMKilled: z.boolean(),
    StartedAt: z.string(),
    /** Of a container whose image has a health check. */
    Health: z.object({ Status: z.string() }).optional(),
  }),
  HostConfig: z.object({
    PortBindings: PortBindings.nullable(),
    /** Started with --rm: the daemon removes it, with its unnamed volumes, when it stops. */
    AutoRemove: z.boolean(),
    RestartPolicy: z.object({ Name: z.string(), MaximumRetryCount: z.int().default(0) }),
  }),
  NetworkSettings: z.object({
    /** What is bound now; HostConfig has what was asked for. */
    Ports: PortBindings.nullable(),
    Networks: z.record(z.string(), z.object({ Aliases: z.array(z.string()).nullable() })),
  }),
  Mounts: z.array(
    z.object({
      Type: z.string(),
      Name: z.string().optional(),
      Source: z.string(),
      Destination: z.string(),
      RW: z.boolean(),
    }),
  ),
});

/** The part of `docker inspect` that this program reads. */
export type Inspection = z.infer<typeof Inspection>;

/** Without a limit, a daemon that accepts connections but never answers would block for ever. */
const inspectMilliseconds = 15_000;

/** Undefined when there is no such container. */
export async function findContainer(docker: Docker, name: string): Promise<Inspection | undefined> {
  try {
    const { stdout } = await spawnDocker(docker, ["container", "inspect", "--", name], {
      timeout: inspectMilliseconds,
    });
    return z.array(Inspection).parse(JSON.parse(stdout))[0];
  } catch (error) {
    if (error instanceof ExecaError && /no such container/i.test(String(error.stderr))) return undefined;
    throw dockerFailure(error, docker.address);
  }
}

/** All containers, running or not, that match a filter of `docker container ls`. */
export async function findContainers(docker: Docker, filter?: string): Promise<Inspection[]> {
  const filters = filter === undefined ? [] : ["--filter", filter];
  const ids = await dockerOutput(docker, ["container", "ls", "--all", "--quiet", "--no-trunc", ...filters]);
  const names = ids.split("\n").filter((id) => id !== "");
  if (names.length === 0) return [];
  // It fails if containers were removed meanwhile, but prints the others.
  const { stdout } = await spawnDocker(docker, ["container", "inspect", ...names], {
    timeout: inspectMilliseconds,
    reject: false,
  });
  return stdout === "" ? [] : z.array(Inspection).parse(JSON.parse(stdout));
}

/** The label that Swarm gives to the containers of a service. */
export const serviceLabel = "com.docker.swarm.service.name";

/**
 * The container with a name or, if there is none, the one of the Swarm service with that name that runs on this host; such containers
 * have generated names. Undefined when there is neither.
 */
export async function findByName(docker: Docker, name: string): Promise<Inspection | undefined> {
  const container = await findContainer(docker, name);
  if (container !== undefined) return container;
  const found = await findContainers(docker, `label=${serviceLabel}=${name}`);
  const running = found.filter(({ State }) => State.Running);
  if (running.length < 2) return running[0];
  throw new Failure(
    "container-not-found",
    `Service "${name}" has ${running.length} containers on this host, and each may have data of its own: ` +
      `${listed(running.map(containerName))}. Name the one that is meant.`,
  );
}

/** Without the slash that Docker writes before it. */
export const containerName = ({ Name }: Pick<Inspection, "Name">): string => Name.replace(/^\//, "");

/** What to tell the user who named a service; undefined if the container itself was named. */
export function serviceNote(container: Inspection, asked: string): string | undefined {
  if (container.Config.Labels?.[serviceLabel] !== asked || containerName(container) === asked)
    return undefined;
  return `Service "${asked}" runs here as container ${containerName(container)}.`;
}

/** Names containers that are there instead, the likeliest first. */
export async function noContainer(docker: Docker, name: string): Promise<Failure> {
  const running = await dockerOutput(docker, ["container", "ls", "--format", "{{.Names}}"]).catch(() => "");
  const names = running.split("\n").filter((one) => one !== "");
  const likely = names.toSorted((one, other) => distance(one, name) - distance(other, name));
  const there = names.length === 0 ? "None is running" : `These are running: ${listed(likely)}`;
  return new Failure(
    "container-not-found",
    `There is no container "${name}". ${there}; "docker ps -a" lists all.`,
  );
}

/** With a restart policy, Docker starts a dead container again and again; the restart count tells. */
export function hasDied(before: Pick<Inspection, "RestartCount">, now: Inspection): boolean {
  return !now.State.Running || now.State.Restarting || now.RestartCount !== before.RestartCount;
}

/** Fails if the container does not exist or does not run. */
export async function runningContainer(docker: Docker, name: string): Promise<Inspection> {
  return failUnlessRunning(docker, name, await findContainer(docker, name));
}

/** The same for one that was looked for already. */
export async function failUnlessRunning(
  docker: Docker,
  name: string,
  container: Inspection | undefined,
): Promise<Inspection> {
  if (container === undefined) throw await noContainer(docker, name);
  if (!container.State.Running || container.State.Restarting) {
    throw new Failure(
      "container-not-running",
      `Container "${name}" does not run: it is ${describeState(container)}. See "docker logs ${name}", then "docker start ${name}".`,
    );
  }
  if (container.State.Paused) {
    throw new Failure(
      "container-not-running",
      `Container "${name}" is paused. Run "docker unpause ${name}".`,
    );
  }
  return container;
}

export function describeState({ State }: Inspection): string {
  const killed = State.OOMKilled ? ", killed because its memory ran out" : "";
  return State.Running ? State.Status : `${State.Status} with exit code ${State.ExitCode}${killed}`;
}

/** The last lines of the container's log. */
export async function lastLogLines(docker: Docker, name: string, lines: number): Promise<string> {
  const { all } = await spawnDocker(docker, ["logs", "--tail", String(lines), name], {
    all: true,
    reject: false,
  });
  return all;
}

/** The digest of the container's image, or its id if the image was never pulled or pushed. */
export async function imageDigest(docker: Docker, container: Inspection): Promise<string> {
  const digests = await dockerOutput(docker, [
    "image",
    "inspect",
    "--format",
    "{{json .RepoDigests}}",
    container.Image,
  ]).then(
    (text) => z.array(z.string()).parse(JSON.parse(text)),
    () => [],
  );
  return digests[0] ?? container.Image;
}

/** Where the container sees a path of the host through its bind mounts; undefined if it does not see it. */
export function pathInContainer(
  container: Inspection,
  hostPath: string,
  access: "write" | "read" = "write",
): string | undefined {
  const candidates = container.Mounts.filter(
    (mount) => mount.Type === "bind" && (mount.RW || access === "read"),
  )
    .map((mount) => ({ mount, relative: path.relative(mount.Source, hostPath) }))
    .filter(({ relative }) => relative !== ".." && !relative.startsWith("../") && !path.isAbsolute(relative))
    .sort((a, b) => a.relative.length - b.relative.length);
  const nearest = candidates[0];
  return nearest && path.posix.join(nearest.mount.Destination, nearest.relative.split(path.sep).join("/"));
}
