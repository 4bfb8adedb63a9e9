import { cp } from "node:fs/promises";
import path from "node:path";
import { root } from "../../setup/paths";

/** What git ignores, and git's own folder. */
const ignored = new Set([".git", ".cache", ".state", "backups", "coverage", "dist", "node_modules"]);

/** Copies the project as `git clone` would: without anything that was installed or built. */
export async function cloneProject(folder: string): Promise<void> {
  await cp(root, folder, {
    recursive: true,
    filter: (source) => !ignored.has(path.basename(source)),
  });
}
