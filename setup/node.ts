import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rename, rm } from "node:fs/promises";
import path from "node:path";
import { execa } from "execa";
import { cache } from "./paths";
import { step } from "./step";

/** The newest of each line of Node.js that the package supports, and that this machine may not have. */
export const nodeVersions = ["22.23.5", "24.22.3"] as const;

export const newestNode = nodeVersions[1];

type NodeVersion = (typeof nodeVersions)[number];

const folder = path.join(cache, "node");

/** A folder with the program `node` of this version, for PATH. */
export const nodeFolder = (version: NodeVersion) => path.join(folder, version);

/** npm has the programs too. */
export async function ensureNodeVersions(): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const version of nodeVersions)
    if (!existsSync(nodeFolder(version)))
      await step(`Getting Node.js ${version}, once`, () => getNode(version));
}

async function getNode(version: NodeVersion): Promise<void> {
  const unfinished = await mkdtemp(path.join(folder, "unfinished-"));
  try {
    const name = `node-${process.platform}-${process.arch}@${version}`;
    const { stdout: archive } = await execa("npm", ["pack", "--silent", name], { cwd: unfinished });
    await execa("tar", ["-xzf", archive, "package/bin/node"], { cwd: unfinished });
    await rename(path.join(unfinished, "package", "bin"), nodeFolder(version));
  } finally {
    await rm(unfinished, { recursive: true });
  }
}
