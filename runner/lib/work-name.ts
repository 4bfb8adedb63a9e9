/**
 * Names of what a run writes before it is complete. They tell whether the run still lives, so that a later one removes
 * what a killed one left; and no two runs have the same, so that none writes into what another removes.
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

/** What a file or folder of that name is to become, and whether its run is gone; nothing for any other name. */
export function parseWorkName(
  entry: string,
  lockedKey?: string,
): { readonly finalName: string; readonly isDead: boolean } | undefined {
  const [, finalName, identity = "", key] = written.exec(entry) ?? [];
  if (finalName === undefined) return undefined;
  return { finalName, isDead: key === lockedKey || isGone(identity) };
}

/** Removes what runs that are dead left in a folder. */
export async function removeDeadWork(folder: string): Promise<void> {
  for (const entry of await readdir(folder)) {
    if (parseWorkName(entry)?.isDead === true)
      await rm(path.join(folder, entry), { recursive: true, force: true, maxRetries: 10 });
  }
}
