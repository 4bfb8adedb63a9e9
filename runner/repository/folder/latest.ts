/** `latest`, the link to the newest backup of a name, and what else may be under that name. */
import { lstat, readdir, readFile, rename, rmdir, symlink, unlink } from "node:fs/promises";
import path from "node:path";
import { Failure } from "../../lib/failure";
import { folderContents } from "./contents";
import { readManifest } from "./manifest";
import { workName } from "../../lib/work-name";
import { backupTime } from "../backup-id";
import { isErrno } from "../../lib/files";
import { manifestFile, sumsFile } from "../layout";

export const latestLink = "latest";
const copyName = "latest.copy";

/** What exists under the name of the link, which decides what is done with it. */
type Finding =
  | { readonly what: "nothing" | "empty" }
  | { readonly what: "backup" | "copy"; readonly id: string }
  | { readonly what: "foreign"; readonly why: string };

/** Fails if making the link would destroy something. */
export async function checkLatest(nameFolder: string): Promise<void> {
  const finding = await findInPlace(nameFolder);
  if (finding.what !== "foreign") return;
  throw new Failure(
    "folder-not-writable",
    `${path.join(nameFolder, latestLink)} should be the link to the newest backup, but ${finding.why}. ` +
      "Nothing was changed. Move it elsewhere, or remove it if it is of no use.",
  );
}

/**
 * Makes room for the link, and says what was done. A copy program that follows links makes a folder of it, which is moved
 * aside; if that folder is all that is left of a backup, it gets the backup's id as its name.
 */
export async function makeRoomForLatest(nameFolder: string): Promise<string[]> {
  await checkLatest(nameFolder);
  const latest = path.join(nameFolder, latestLink);
  const finding = await findInPlace(nameFolder);
  if (finding.what === "empty") await rmdir(latest);
  if (finding.what !== "backup" && finding.what !== "copy") return [];
  const to = path.join(nameFolder, finding.what === "backup" ? finding.id : copyName);
  await rename(latest, to);
  return [
    finding.what === "backup"
      ? `${latest} was a folder instead of a link, and the only copy of backup ${finding.id}. It was moved to ${to}.`
      : `${latest} was a folder instead of a link: a copy of backup ${finding.id}. It was moved to ${to}. Remove it if it is of no use.`,
  ];
}

async function findInPlace(nameFolder: string): Promise<Finding> {
  const latest = path.join(nameFolder, latestLink);
  const stats = await lstat(latest).catch(() => undefined);
  if (stats === undefined || stats.isSymbolicLink()) return { what: "nothing" };
  if (!stats.isDirectory()) {
    // Some copy programs write a link as a file with its text, which the new link replaces.
    const isText = stats.isFile() && stats.size < 100;
    if (isText && backupTime((await readFile(latest, "utf8")).trim()) !== undefined)
      return { what: "nothing" };
    return { what: "foreign", why: "it is a file" };
  }
  if ((await readdir(latest)).length === 0) return { what: "empty" };
  const { manifest } = await readManifest(latest);
  if (
    manifest === undefined ||
    manifest.name !== path.basename(nameFolder) ||
    backupTime(manifest.id) === undefined
  )
    return { what: "foreign", why: "it is a folder that is not a backup of this name" };
  const { id } = manifest;
  const original = path.join(nameFolder, id);
  if ((await lstat(original).catch(() => undefined)) === undefined) return { what: "backup", id };
  if (!(await isCopy(latest, original)))
    return {
      what: "foreign",
      why: `it is a folder whose manifest is that of backup ${id}, and it differs from ${original}`,
    };
  if ((await lstat(path.join(nameFolder, copyName)).catch(() => undefined)) !== undefined)
    return { what: "foreign", why: `it is a copy of ${original}, and ${copyName} exists already` };
  return { what: "copy", id };
}

/** The same manifest and checksums, and the same files in the same sizes. */
async function isCopy(folder: string, original: string): Promise<boolean> {
  for (const file of [manifestFile, sumsFile]) {
    const [one, other] = await Promise.all(
      [folder, original].map((from) => readFile(path.join(from, file)).catch(() => undefined)),
    );
    if (one === undefined || other === undefined || !one.equals(other)) return false;
  }
  const listed = await Promise.all(
    [folder, original].map(async (from) =>
      (await folderContents(from))
        .filter(({ kind }) => kind !== "folder")
        .map(({ path: file, kind, bytes }) => `${file} ${kind} ${bytes}`)
        .sort(),
    ),
  );
  return JSON.stringify(listed[0]) === JSON.stringify(listed[1]);
}

/** The errors of file systems without symbolic links. */
const withoutLinks = ["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EINVAL"];

export interface PreparedLink {
  /** Replaces the link in one step: a reader sees the old or the new one. If that fails, the backup does not; the notes say why. */
  publish(): Promise<string[]>;
  discard(): Promise<void>;
}

/** Makes the link under a hidden name, before the backup appears: what can fail should fail while nothing is published. */
export async function prepareLatest(nameFolder: string, id: string): Promise<PreparedLink> {
  const link = path.join(nameFolder, workName(latestLink));
  try {
    await symlink(id, link);
  } catch (error) {
    if (!withoutLinks.some((code) => isErrno(error, code))) throw error;
    return { publish: () => Promise.resolve([]), discard: () => Promise.resolve() };
  }
  return {
    async publish() {
      const replace = () => rename(link, path.join(nameFolder, latestLink));
      try {
        const notes = await replace().then(
          () => [],
          async () => {
            const made = await makeRoomForLatest(nameFolder);
            await replace();
            return made;
          },
        );
        return notes;
      } catch (error) {
        await unlink(link).catch(() => undefined);
        return [`${path.join(nameFolder, latestLink)} does not point to ${id}: ${(error as Error).message}`];
      }
    },
    discard: () => unlink(link),
  };
}
