/** Names of what a restore makes and takes away again; recognisable, so that a later run finds what a killed one left. */
import { createHash } from "node:crypto";
import path from "node:path";
import { recordPrefix, stagePrefix } from "../postgres/catalog/half-restored";

/** Where a container may have room for small files; one with a read-only root has it in memory only. */
const temporaryFolders = ["/tmp", "/var/tmp", "/dev/shm", "/run"] as const;

export interface RestoreNames {
  /** Database in which the server renames the tables. */
  readonly scratch: string;
  /** Schema in which what is made is written down until the restore is done. */
  readonly record: string;
  /** Schemas in which tables are loaded that are to replace others; a number follows. */
  readonly stagePrefix: string;
  /** In the target's container, and in the one that the archive is read in. */
  readonly workFolder: string;
  readonly lock: string;
  readonly applicationName: string;
}

/** Databases of one server share their names of databases, and containers of one server its files. */
export function restoreNames(database: string): RestoreNames {
  const key = createHash("sha256").update(database).digest("hex").slice(0, 8);
  return {
    scratch: `postgis_backup_scratch_${key}`,
    record: `${recordPrefix}${key}`,
    stagePrefix: `${stagePrefix}${key}_`,
    workFolder: path.posix.join(temporaryFolders[0], `postgis_backup_restore_${key}`),
    lock: "postgis-backup restore",
    applicationName: `postgis-backup restore ${key}`,
  };
}

/** All places that the work folder can be in, the usual one first. */
export function possibleWorkFolders({ workFolder }: Pick<RestoreNames, "workFolder">): string[] {
  return temporaryFolders.map((folder) => path.posix.join(folder, path.posix.basename(workFolder)));
}

/** The longest name that PostgreSQL keeps whole. */
const nameBytes = 63;

/** Where `swap` puts the tables that were there before. */
export function schemaBefore(schema: string, time: string): string {
  const suffix = `_before_${time.toLowerCase()}`;
  let kept = schema;
  while (Buffer.byteLength(kept) + suffix.length > nameBytes) kept = kept.replace(/.$/su, "");
  return kept + suffix;
}
