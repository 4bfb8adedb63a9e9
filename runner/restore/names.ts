/** Names of what a restore makes and takes away again; recognisable, so that a later run finds what a killed one left. */
import { createHash } from "node:crypto";

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
    record: `postgis_backup_restore_${key}`,
    stagePrefix: `postgis_backup_stage_${key}_`,
    workFolder: `/tmp/postgis_backup_restore_${key}`,
    lock: "postgis-backup restore",
    applicationName: `postgis-backup restore ${key}`,
  };
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
