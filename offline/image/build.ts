import { existsSync } from "node:fs";
import { copyFile, link, mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { contextFiles, recipeHashes } from "./recipe";
import { makeRootfs } from "./rootfs";
import { imageTag, imageVersions, isImageVersion, releaseOf, type ImageVersion } from "./versions";

/** Carries a hash of what an image is made from. */
export const recipeLabel = "postgis-backup.recipe";

export interface BuildImageOptions {
  readonly version: ImageVersion;
  /** Caches the root file system, so that a change of the entry point does not install Debian again. */
  readonly cacheDir: string;
  readonly log: (line: string) => void;
}

/** Builds the PostGIS image of a version, unless it exists with the same recipe. Returns its tag. */
export async function buildImage({ version, cacheDir, log }: BuildImageOptions): Promise<string> {
  const tag = imageTag(version);
  const release = releaseOf(version);
  const hashes = await recipeHashes(release);
  if ((await builtRecipe(tag)) === hashes.image) {
    log(`${tag} is up to date`);
    return tag;
  }

  await mkdir(cacheDir, { recursive: true });
  const rootfs = join(cacheDir, `${release.suite}-${hashes.rootfs}.tar`);
  if (!existsSync(rootfs)) {
    log(`installing PostgreSQL ${release.postgres} with PostGIS from Debian ${release.suite}`);
    await makeRootfs(release, rootfs, log);
    await removeOthers(cacheDir, release.suite, rootfs);
  }

  log(`building ${tag}`);
  const context = await mkdtemp(join(cacheDir, "context-"));
  try {
    await Promise.all(contextFiles.map((file) => copyFile(join(__dirname, file), join(context, file))));
    await link(rootfs, join(context, "rootfs.tar"));
    const label = `${recipeLabel}=${hashes.image}`;
    await execa("docker", [
      "build",
      "--quiet",
      ...["--build-arg", `PG_MAJOR=${release.postgres}`, "--label", label, "--tag", tag],
      context,
    ]);
  } finally {
    await rm(context, { recursive: true, force: true });
  }
  log(`built ${tag}`);
  return tag;
}

/** Root file systems of older recipes. Nothing needs them again, and each takes half a gigabyte. */
async function removeOthers(cacheDir: string, suite: string, keep: string): Promise<void> {
  const files = (await readdir(cacheDir)).filter(
    (name) => name.startsWith(`${suite}-`) && name.endsWith(".tar"),
  );
  const others = files.map((name) => join(cacheDir, name)).filter((file) => file !== keep);
  await Promise.all(others.map((file) => rm(file, { force: true })));
}

/** The recipe of an image, or undefined if the image does not exist. */
export async function builtRecipe(tag: string): Promise<string | undefined> {
  const format = `{{index .Config.Labels "${recipeLabel}"}}`;
  const { exitCode, stdout, stderr } = await execa("docker", ["image", "inspect", "--format", format, tag], {
    reject: false,
  });
  if (exitCode === 0) return stdout;
  if (/no such image/i.test(stderr)) return undefined;
  throw new Error(`docker cannot look for ${tag}: ${stderr}`);
}

async function main(version: string | undefined): Promise<void> {
  if (version === undefined || !isImageVersion(version)) {
    throw new Error(`give one version of: ${imageVersions.join(", ")}`);
  }
  const cacheDir = join(process.cwd(), ".cache", "image");
  const log = (line: string): void => {
    process.stderr.write(`${line}\n`);
  };
  process.stdout.write(`${await buildImage({ version, cacheDir, log })}\n`);
}

if (require.main === module) {
  main(process.argv[2]).catch((error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  });
}
