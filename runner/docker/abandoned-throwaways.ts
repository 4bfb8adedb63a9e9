/** Throwaway containers of runs that were killed before the daemon knew that they had to go. */
import { isGone, ownIdentity } from "../lib/process-identity";
import { type Docker, spawnDocker } from "./docker";

/** On every throwaway container; its value says what for. */
export const throwawayLabel = "postgis-backup.throwaway";
/** The process that it belongs to. */
const processLabel = "postgis-backup.process";

/** Options of `docker run` for a container of this process. */
export function throwawayLabels(purpose: string): string[] {
  return ["--label", `${throwawayLabel}=${purpose}`, "--label", `${processLabel}=${ownIdentity()}`];
}

/** A container is started right after it was created, so one that has been waiting that long has nobody who would start it. */
const abandonedHours = 24;

/** A daemon that gives no answer must not make this run wait for long. */
const timeout = 10_000;

/** Removes those whose process is gone, and those that nobody started or that have ended; whatever else there is stays. */
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

export function isAbandoned({ state, created, owner }: Listed, now: Date): boolean {
  if (isGone(owner)) return true;
  const [, day = "", time = "", zone = ""] = /^(\S+) (\S+) ([+-]\d{4})/.exec(created) ?? [];
  const age = now.getTime() - new Date(`${day}T${time}${zone}`).getTime();
  return /^(created|exited|dead)$/.test(state) && age > abandonedHours * 60 * 60 * 1000;
}
