/** Removes throwaway containers of runs that were killed before the daemon could remove them. */
import { isGone, ownIdentity } from "../lib/process-identity";
import { type Docker, spawnDocker } from "./docker";

/** Every throwaway container has this label; its value is the purpose. */
export const throwawayLabel = "postgis-backup.throwaway";
/** Its value is the process that the container belongs to. */
const processLabel = "postgis-backup.process";

/** Options of `docker run` for a container of this process. */
export function throwawayLabels(purpose: string): string[] {
  return ["--label", `${throwawayLabel}=${purpose}`, "--label", `${processLabel}=${ownIdentity()}`];
}

/** A container is started right after it was created; one that has waited this long was abandoned. */
const abandonedHours = 24;

/** A daemon that does not answer must not delay this run for long. */
const timeout = 10_000;

/** Removes containers whose process is gone, and old ones that were never started or have ended. */
export async function removeAbandonedThrowaways(docker: Docker): Promise<void> {
  const format = `{{.ID}}\t{{.State}}\t{{.CreatedAt}}\t{{.Label "${processLabel}"}}`;
  const list = ["container", "ls", "--all", "--no-trunc", "--filter", `label=${throwawayLabel}`];
  const { stdout } = await spawnDocker(docker, [...list, "--format", format], { reject: false, timeout });
  for (const line of stdout.split("\n")) {
    const [id = "", state = "", created = "", owner = ""] = line.split("\t");
    if (id !== "" && isAbandoned({ state, created, owner }, new Date()))
      await spawnDocker(docker, ["rm", "--force", "--volumes", id], { reject: false, timeout });
  }
}

interface Listed {
  readonly state: string;
  /** As docker writes it: `2026-11-22 08:15:00 +0000 UTC`. */
  readonly created: string;
  readonly owner: string;
}

function isAbandoned({ state, created, owner }: Listed, now: Date): boolean {
  if (isGone(owner)) return true;
  const [, day = "", time = "", zone = ""] = /^(\S+) (\S+) ([+-]\d{4})/.exec(created) ?? [];
  const age = now.getTime() - new Date(`${day}T${time}${zone}`).getTime();
  return /^(created|exited|dead)$/.test(state) && age > abandonedHours * 60 * 60 * 1000;
}
