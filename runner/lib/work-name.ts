/**
 * Names of what a run writes before it is complete. They tell whether the run still lives, so that a later one removes
 * what a killed one left; and no two runs have the same, so that none writes into what another removes.
 */
import { randomBytes } from "node:crypto";
import { readdir, rm } from "node:fs/promises";
import path from "node:path";
import { identityPattern, isGone, ownIdentity } from "./process-identity";

export function workName(finalName: string): string {
  return `.${finalName}.${ownIdentity()}-${randomBytes(4).toString("hex")}.partial`;
}

const written = new RegExp(`^\\.(.+)\\.(${identityPattern})-[0-9a-f]{8}\\.partial$`);

/** Where the name is one of a run that is gone: what it was to become. */
export function deadWork(entry: string): string | undefined {
  const [, finalName, identity = ""] = written.exec(entry) ?? [];
  return isGone(identity) ? finalName : undefined;
}

/** Removes what runs that are dead left in a folder. */
export async function removeDeadWork(folder: string): Promise<void> {
  for (const entry of await readdir(folder)) {
    if (deadWork(entry) !== undefined)
      await rm(path.join(folder, entry), { recursive: true, force: true, maxRetries: 10 });
  }
}
