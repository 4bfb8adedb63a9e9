/** Images that have a stand-in for the extension timescaledb: what a logical backup meets of it, and no more. */
import { copyFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { execa } from "execa";
import { preparedImage } from "../../setup/test-images";
import { environment } from "./environment";
import { ownLabel, removeFolder, temporaryFolder, uniqueName } from "./resources";

/** Makes the image; the caller removes it. */
export async function timescaleImage(version: string): Promise<string> {
  const base = await preparedImage((await environment).image);
  const folder = await temporaryFolder();
  const tag = `postgis-backup-test/${uniqueName()}`;
  try {
    await copyFile(path.join(__dirname, "timescale.sql"), path.join(folder, `timescaledb--${version}.sql`));
    await writeFile(
      path.join(folder, "timescaledb.control"),
      `default_version = '${version}'\nrelocatable = false\n`,
    );
    await writeFile(
      path.join(folder, "Dockerfile"),
      `FROM ${base}\nCOPY timescaledb* /usr/share/postgresql/17/extension/\n`,
    );
    await execa("docker", ["build", "--quiet", ...ownLabel, "--tag", tag, folder]);
  } finally {
    await removeFolder(folder);
  }
  return tag;
}
