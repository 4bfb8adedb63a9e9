/**
 * Names for files and folders that a run has not completed. A name contains the identity of its process, so that a
 * later run can remove what a killed run left. Each name is unique, so that no run writes into what another removes.
 */
import { randomBytes } from "node:crypto";
import { readdir, rm } from "node:fs/promises";
import path from "node:path";
import { identityPattern, isGone, ownIdentity } from "./process-identity";

/** A run that holds the lock of a key says so, in eight hexadecimal digits. */
export function workName(finalName: string, key = randomBytes(4).toString("hex")): string {
  return `.${finalName}.${ownIdentity()}-${key}.partial`;
}

const written = new RegExp(`^\\.(.+)\\.(${identityPattern})-([0-9a-f]{8})\\.partial$`);

/** The final name, and whether the process that writes it is gone. Undefined if `entry` is no work name. */
export function parseWorkName(
  entry: string,
  lockedKey?: string,
): { readonly finalName: string; readonly isDead: boolean } | undefined {
  const [, finalName, identity = "", key] = written.exec(entry) ?? [];
  if (finalName === undefined) return undefined;
  return { finalName, isDead: key === lockedKey || isGone(identity) };
}

/** Removes the incomplete files and folders of processes that are gone. */
export async function removeDeadWork(folder: string): Promise<void> {
  for (const entry of await readdir(folder)) {
    if (parseWorkName(entry)?.isDead === true)
      await rm(path.join(folder, entry), { recursive: true, force: true, maxRetries: 10 });
  }
}
