/**
 * Names for files and folders that a run has not completed. A name contains the identity of its process, so that a
 * later run can remove what a killed run left. Each name is unique, so that no run writes into what another removes.
 */
import { randomBytes } from "node:crypto";
import { readdir, rm } from "node:fs/promises";
import path from "node:path";
import { identityPattern, isGone, ownIdentity } from "./process-identity";

export function workName(finalName: string): string {
  return `.${finalName}.${ownIdentity()}-${randomBytes(4).toString("hex")}.partial`;
}

const written = new RegExp(`^\\.(.+)\\.(${identityPattern})-[0-9a-f]{8}\\.partial$`);

/** The final name, if `entry` belongs to a process that is gone. */
export function deadWork(entry: string): string | undefined {
  const [, finalName, identity = ""] = written.exec(entry) ?? [];
  return isGone(identity) ? finalName : undefined;
}

/** Removes the incomplete files and folders of processes that are gone. */
export async function removeDeadWork(folder: string): Promise<void> {
  for (const entry of await readdir(folder)) {
    if (deadWork(entry) !== undefined)
      await rm(path.join(folder, entry), { recursive: true, force: true, maxRetries: 10 });
  }
}
