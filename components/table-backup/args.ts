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
  missingReferences: "string",
};
