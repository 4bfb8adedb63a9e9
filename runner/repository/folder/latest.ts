/** `latest`, the link to the newest backup of a folder, and what may be in its place. */
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

/** What is to be done with what is in the place of the link. */
type Finding =
  | { readonly what: "nothing" | "empty" }
  | { readonly what: "backup" | "copy"; readonly id: string }
  | { readonly what: "foreign"; readonly why: string };

/** Fails where the link could not be made without losing something. */
export async function checkLatest(series: string): Promise<void> {
  const finding = await findInPlace(series);
  if (finding.what !== "foreign") return;
  throw new Failure(
    "directory-not-writable",
    `${path.join(series, latestLink)} is in the place of the link to the newest backup: ${finding.why}. ` +
      "Nothing was changed. Move it elsewhere, or remove it if it is of no use.",
  );
}

/**
 * Makes room for the link, and says what was done. What a copy that follows links has made of it is moved aside; where it
 * is all that is left of a backup, it gets that one's name.
 */
export async function makeRoomForLatest(series: string): Promise<string[]> {
  await checkLatest(series);
  const latest = path.join(series, latestLink);
  const finding = await findInPlace(series);
  if (finding.what === "empty") await rmdir(latest);
  if (finding.what !== "backup" && finding.what !== "copy") return [];
  const to = path.join(series, finding.what === "backup" ? finding.id : copyName);
  await rename(latest, to);
  return [
    finding.what === "backup"
      ? `${latest} was a folder, not a link: it was backup ${finding.id}, which was nowhere else, and is ${to} now.`
      : `${latest} was a folder, not a link: a copy of backup ${finding.id}, which is ${to} now. Remove it if it is of no use.`,
  ];
}

async function findInPlace(series: string): Promise<Finding> {
  const latest = path.join(series, latestLink);
  const stats = await lstat(latest).catch(() => undefined);
  if (stats === undefined || stats.isSymbolicLink()) return { what: "nothing" };
  if (!stats.isDirectory()) {
    // As some copies write a link: a file of its text, which the new link replaces.
    const isText = stats.isFile() && stats.size < 100;
    if (isText && backupTime((await readFile(latest, "utf8")).trim()) !== undefined)
      return { what: "nothing" };
    return { what: "foreign", why: "it is not a link, but a file" };
  }
  if ((await readdir(latest)).length === 0) return { what: "empty" };
  const { manifest } = await readManifest(latest);
  if (
    manifest === undefined ||
    manifest.name !== path.basename(series) ||
    backupTime(manifest.id) === undefined
  )
    return { what: "foreign", why: "it is a folder that is no backup of this series" };
  const { id } = manifest;
  const original = path.join(series, id);
  if ((await lstat(original).catch(() => undefined)) === undefined) return { what: "backup", id };
  if (!(await isCopy(latest, original)))
    return {
      what: "foreign",
      why: `it is a folder that says to be backup ${id}, and is not the same as ${original}`,
    };
  if ((await lstat(path.join(series, copyName)).catch(() => undefined)) !== undefined)
    return { what: "foreign", why: `it is a copy of ${original}, and there is ${copyName} already` };
  return { what: "copy", id };
}

/** The same seal, and the same files in the same sizes. */
async function isCopy(folder: string, original: string): Promise<boolean> {
  for (const file of [manifestFile, sumsFile]) {
    const [one, other] = await Promise.all(
      [folder, original].map((place) => readFile(path.join(place, file)).catch(() => undefined)),
    );
    if (one === undefined || other === undefined || !one.equals(other)) return false;
  }
  const listed = await Promise.all(
    [folder, original].map(async (place) =>
      (await folderContents(place))
        .filter(({ kind }) => kind !== "folder")
        .map(({ path: file, kind, bytes }) => `${file} ${kind} ${bytes}`)
        .sort(),
    ),
  );
  return JSON.stringify(listed[0]) === JSON.stringify(listed[1]);
}

/** What file systems say that have no symbolic links. */
const withoutLinks = ["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EINVAL"];

export interface PreparedLink {
  /** In one step: whoever reads it finds the old one or the new one. Says why it could not, which fails no backup. */
  publish(): Promise<string[]>;
  discard(): Promise<void>;
}

/** Made before a backup appears: what can fail should fail while nothing is published. */
export async function prepareLatest(series: string, id: string): Promise<PreparedLink> {
  const link = path.join(series, workName(latestLink));
  try {
    await symlink(id, link);
  } catch (error) {
    if (!withoutLinks.some((code) => isErrno(error, code))) throw error;
    return { publish: () => Promise.resolve([]), discard: () => Promise.resolve() };
  }
  return {
    async publish() {
      const replace = () => rename(link, path.join(series, latestLink));
      try {
        const notes = await replace().then(
          () => [],
          async () => {
            const made = await makeRoomForLatest(series);
            await replace();
            return made;
          },
        );
        return notes;
      } catch (error) {
        await unlink(link).catch(() => undefined);
        return [`${path.join(series, latestLink)} does not point at ${id}: ${(error as Error).message}`];
      }
    },
    discard: () => unlink(link),
  };
}
