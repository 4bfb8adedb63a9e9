import type * as pulumi from "@pulumi/pulumi";
import type { Globals } from "../../runner/request/choices";
import type { ArgumentNames } from "../shared/argument-names";
import { type BackupArgs, backupNames } from "../shared/backup/args";

export interface DatabaseBackupArgs extends BackupArgs {
  /**
   * Names of schemas to leave out. A change is a new backup.
   * @default none
   */
  excludeSchemas?: pulumi.Input<pulumi.Input<string>[]>;
  /**
   * Tables that are backed up without their rows: `table`, `schema.table`, or patterns with `*` and `?`. A change is a new backup.
   * @default none
   */
  excludeTableData?: pulumi.Input<pulumi.Input<string>[]>;
  /**
   * The roles of the server too, with their attributes, memberships and settings: `without-passwords`, or `with-passwords`, which are
   * hashes that only a superuser can read. Keep others from the repository then. A change is a new backup.
   * @default none
   */
  globals?: pulumi.Input<Globals>;
}

export const databaseBackupNames: ArgumentNames<DatabaseBackupArgs> = {
  ...backupNames,
  excludeSchemas: "object",
  excludeTableData: "object",
  globals: "string",
};
