import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { execa } from "execa";
import { makeTree, withoutPages } from "../offline/image/rootfs";

/** Takes a program out of a package of another Debian release than this machine's, and gives it to `use` as a file. */
export async function withProgramOfPackage<T>(
  suite: string,
  packageName: string,
  program: string,
  use: (file: string) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(path.join(os.tmpdir(), "postgis-backup-package-"));
  try {
    const tree = path.join(folder, "tree.tar");
    const options = ["--variant=extract", `--include=${packageName}`, ...withoutPages];
    await makeTree(suite, options, tree, () => undefined);
    await execa("tar", ["-xf", tree, "-C", folder, `.${program}`]);
    return await use(path.join(folder, program));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
