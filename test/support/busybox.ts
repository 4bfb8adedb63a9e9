/** Images like those on Alpine: the programs of busybox in the place of GNU's, and another id of the user postgres. */
import { chmod, copyFile, readdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { execa } from "execa";
import { preparedImage } from "../../setup/test-images";
import { environment } from "./environment";
import { ownLabel, removeFolder, temporaryFolder, uniqueName } from "./resources";

/** Alpine has no programs for zstd and lz4 but those that somebody installs. */
const dockerfile = (base: string) => `FROM ${base}
RUN sed -i 's/^postgres:x:[0-9]*:[0-9]*:/postgres:x:70:70:/' /etc/passwd && sed -i 's/^postgres:x:[0-9]*:/postgres:x:70:/' /etc/group \\
  && chown -R postgres:postgres "$PGDATA" /var/run/postgresql && rm -f /usr/bin/zstd /usr/bin/lz4
COPY busybox /usr/bin/busybox
RUN ["/usr/bin/busybox", "sh", "-c", "for program in $(busybox --list); do for folder in /usr/local/bin /usr/bin /bin; do \\
  case $program in bash | busybox) continue ;; esac; [ ! -e $folder/$program ] || busybox ln -sf /usr/bin/busybox $folder/$program; done; done"]
`;

/** Makes the image; the caller removes it. Needs busybox on this machine, or Debian's packages. */
export async function busyboxImage(): Promise<string> {
  const base = await preparedImage((await environment).image);
  const folder = await temporaryFolder();
  const tag = `postgis-backup-test/${uniqueName()}`;
  try {
    await copyFile(await findBusybox(folder), path.join(folder, "busybox"));
    await chmod(path.join(folder, "busybox"), 0o755);
    await writeFile(path.join(folder, "Dockerfile"), dockerfile(base));
    await execa("docker", ["build", "--quiet", ...ownLabel, "--tag", tag, folder]);
  } finally {
    await removeFolder(folder);
  }
  return tag;
}

/** One that needs no library. */
async function findBusybox(folder: string): Promise<string> {
  const { stdout, failed } = await execa("which", ["busybox"], { reject: false });
  if (!failed) return stdout;
  const download = () => execa("apt-get", ["download", "busybox-static"], { cwd: folder });
  // A fresh machine has no lists of packages.
  await download().catch(async () => {
    await execa("apt-get", ["update", "-qq"]);
    await download();
  });
  const [archive = ""] = (await readdir(folder)).filter((name) => name.endsWith(".deb"));
  await execa("dpkg-deb", ["--extract", archive, "."], { cwd: folder });
  const { stdout: found } = await execa("find", [folder, "-path", "*/bin/busybox"]);
  return found.split("\n")[0] ?? "";
}
