import type * as pulumi from "@pulumi/pulumi";
import type { MissingReferences } from "../../runner/request/choices";
import type { ArgumentNames } from "../shared/argument-names";
import { type BackupArgs, backupNames } from "../shared/backup/args";

export interface TableBackupArgs extends BackupArgs {
  /**
   * Tables, backed up together from one snapshot: `table`, `schema.table`, or patterns with `*` and `?`. Names are
   * case-sensitive; partitions come with their parents. A name that matches nothing fails the backup. A change is a new
   * backup.
   */
  tables: pulumi.Input<pulumi.Input<string>[]>;
  /**
   * Tables or patterns to leave out. A change is a new backup.
   * @default none
   */
  excludeTables?: pulumi.Input<pulumi.Input<string>[]>;
  /**
   * Tables of at least this many bytes are dumped by all workers at once; 0 turns that off. Indexes do not count. It needs three
   * workers, the format `directory` and PostgreSQL 14; the archive is the same either way. A change takes no new backup.
   * @default 536870912 (512 MiB)
   */
  splitTablesFrom?: pulumi.Input<number>;
  /**
   * How long rows that did not change are shared with earlier backups before they are dumped anew, such as `7d` or `36h`. The backup
   * links the data file of the last one, or has S3 copy its object, instead of dumping the table again, if it proves that the table,
   * its rows and their places are the same. It needs the format `directory`, which must be named where the repository is in S3, and
   * is refused for another format and with `workDirectory`. A change takes no new backup.
   * @default none; all rows are dumped each time
   */
  fullEvery?: pulumi.Input<string>;
  /**
   * What happens when a foreign key refers to a table that is not selected: `fail`, `include` that table, or `ignore` the key.
   * Restores leave out a key that was ignored. `ignore` never leaves out a table that a selected one inherits from. A change is
   * a new backup.
   * @default "fail"
   */
  missingReferences?: pulumi.Input<MissingReferences>;
}

export const tableBackupNames: ArgumentNames<TableBackupArgs> = {
  ...backupNames,
  tables: "object",
  excludeTables: "object",
  splitTablesFrom: "number",
  fullEvery: "string",
  missingReferences: "string",
};
