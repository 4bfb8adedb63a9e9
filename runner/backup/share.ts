/** Brings the files of unchanged tables into a new backup: by links in a folder, by copies within a bucket. */
import path from "node:path";
import { readToc, rowEntries } from "../postgres/archive/toc";
import type { Relation } from "../postgres/catalog/catalog";
import type { Progress } from "../lib/progress";
import { type BackupFiles, shareFile, type StoredFile } from "../repository/files";
import { type BackupWriter, NotShared } from "../repository/repository";

interface FolderSharing {
  /** The folder that the new backup is written to. Shared files wait there until the archive has its table of contents. */
  readonly folder: string;
  readonly fileMode: number;
}

interface BucketSharing {
  readonly copyFrom: NonNullable<BackupWriter["copyFrom"]>;
}

export type Sharing = FolderSharing | BucketSharing;

/** The backup that files are shared with. */
interface Shared {
  readonly manifest: { readonly id: string };
  readonly files: BackupFiles;
  readonly sharing: Sharing;
}

interface Sharer {
  /** Where the file is in the new backup. Undefined if it is damaged or cannot be shared, which is noted. */
  share(table: Relation, file: StoredFile): Promise<string | undefined>;
}

export async function sharerOf(
  { manifest: { id }, files, sharing }: Shared,
  readContents: () => Promise<Buffer>,
  progress: Progress,
): Promise<Sharer> {
  const damaged = ({ sqlName }: Relation, file: StoredFile) => {
    progress.note(
      `warning: Backup ${id} is damaged: ${file.path} is missing or has another checksum. ` +
        `Table ${sqlName} is dumped anew; verify that backup.`,
    );
  };
  if ("copyFrom" in sharing) {
    return { share: bucketSharer(id, sharing, await readContents(), damaged, progress) };
  }
  const { folder, fileMode } = sharing;
  return {
    async share(table, file) {
      const at = path.join(folder, `shared-${table.oid}${suffixOf(file)}`);
      const from = files.folder;
      if (from !== undefined && (await shareFile(path.join(from, file.path), at, file, fileMode))) return at;
      damaged(table, file);
      return undefined;
    },
  };
}

function bucketSharer(
  id: string,
  { copyFrom }: BucketSharing,
  contents: Buffer,
  damaged: (table: Relation, file: StoredFile) => void,
  progress: Progress,
): Sharer["share"] {
  const entries = rowEntries(readToc(contents).entries);
  let isSaid = false;
  return async (table, file) => {
    const entry = entries.get(table.oid);
    if (entry === undefined) throw new Error(`the table of contents has no rows of ${table.sqlName}`);
    const name = path.posix.join(path.posix.dirname(file.path), `${entry}${suffixOf(file)}`);
    try {
      const sent = await copyFrom(id, file, name);
      if (sent !== undefined && !isSaid) {
        isSaid = true;
        progress.note(
          `The S3 server does not copy objects, so shared files are read and sent again. It says: ${sent}`,
        );
      }
      return name;
    } catch (error) {
      if (!(error instanceof NotShared)) throw error;
      if (error.code === "checksum-mismatch") damaged(table, file);
      else
        progress.note(
          `warning: ${file.path} of backup ${id} cannot be shared, so table ${table.sqlName} is dumped anew: ${error.message}`,
        );
      return undefined;
    }
  };
}

/** What follows the number of the entry in the name of a data file. */
const suffixOf = ({ path: file }: StoredFile): string => path.posix.basename(file).replace(/^\d+/, "");
