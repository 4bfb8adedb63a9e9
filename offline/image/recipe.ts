import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { treeOptions } from "./rootfs";
import type { Release } from "./versions";

/** Files in the image besides the root file system. */
export const contextFiles = ["Dockerfile", "docker-entrypoint.sh", "10_postgis.sh"];

export interface RecipeHashes {
  /** Changes if other packages or hooks are used. */
  readonly rootfs: string;
  /** Changes if anything in the image changes. */
  readonly image: string;
}

/** Hashes the recipe, to see whether an image or a root file system would be built in the same way now. */
export async function recipeHashes(release: Release): Promise<RecipeHashes> {
  const hooks = (await readdir(join(__dirname, "hooks"))).sort().map((name) => join("hooks", name));
  // The hash must not depend on the folder of the project.
  const options = treeOptions(release).map((option) => option.replace(__dirname, ""));
  const rootfs = digest([release.suite, ...options, ...(await contents(hooks))]);
  return { rootfs, image: digest([rootfs, ...(await contents(contextFiles))]) };
}

function contents(files: string[]): Promise<string[]> {
  return Promise.all(files.map(async (file) => `${file}\n${await readFile(join(__dirname, file), "utf8")}`));
}

function digest(parts: string[]): string {
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, 16);
}
