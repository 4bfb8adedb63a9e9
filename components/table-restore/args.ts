import type * as pulumi from "@pulumi/pulumi";
import type { IfExists, MissingRoles, RestoreContent, TableTriggers } from "../../runner/request/choices";
import type { ArgumentNames } from "../shared/argument-names";
import { connectionNames, type PostgisConnectionArgs } from "../shared/connection";
import { s3Names, type S3SettingsArgs } from "../shared/s3-settings";

export interface TableRestoreArgs {
  /**
   * Where the tables go: the `connection` of a `PostgisContainer`, or the name of a container that runs already, as
   * `{ container: "pg_spat" }`. Another container or database is a new restore; another user is not.
   */
  connection: pulumi.Input<PostgisConnectionArgs>;
  /**
   * Password of the user. It is needed only where the server asks for one on the container's loopback interface, which the
   * official images do not. A change restores nothing.
   * @default none
   */
  password?: pulumi.Input<string>;
  /**
   * Which backup: the `location` of a `TableBackup`, a folder such as `./backups/cbm/latest`, or
   * `s3://bucket/prefix/cbm/latest`. A change is a new restore.
   */
  location: pulumi.Input<string>;
  /**
   * How the S3 server is reached that has the backup. A change restores nothing.
   * @default AWS, or what the environment says
   */
  s3?: pulumi.Input<S3SettingsArgs>;
  /**
   * Tables of the backup: `table`, `schema.table`, or patterns with `*` and `?`. A change is a new restore.
   * @default all
   */
  tables?: pulumi.Input<pulumi.Input<string>[]>;
  /**
   * Tables or patterns to leave out. A change is a new restore.
   * @default none
   */
  excludeTables?: pulumi.Input<pulumi.Input<string>[]>;
  /**
   * Schemas that are restored under another name, as `{ es: "es_restored" }`. A change is a new restore.
   * @default none
   */
  schemas?: pulumi.Input<Record<string, pulumi.Input<string>>>;
  /**
   * What comes back: `all`; `data`, rows into tables that exist; or `schema`, tables without rows. A change is a new restore.
   * @default "all"
   */
  content?: pulumi.Input<RestoreContent>;
  /**
   * What happens when a table exists: `fail`; `replace` it; `swap`, which moves the old one into another schema; or `skip`, if
   * all of them exist. With `content: "data"`, only `fail` and `replace` are allowed. **Caution**: `replace` drops the old
   * tables, once the restored ones are complete and compared. A change restores nothing.
   * @default "fail"
   */
  ifExists?: pulumi.Input<IfExists>;
  /**
   * What happens about owners and grantees that the server lacks: `fail`, or `create` them, which cannot log in. `restore` is for whole
   * databases. A change restores nothing.
   * @default "fail"
   */
  missingRoles?: pulumi.Input<MissingRoles>;
  /**
   * With `content: "data"`, what the triggers of the tables do: `fire`, as they do with `pg_restore`; or `disable`, which turns them
   * off until the rows are there. Rows that a trigger changes fail the restore. A change restores nothing.
   * @default "fire"
   */
  tableTriggers?: pulumi.Input<TableTriggers>;
  /**
   * Creates the database, if it does not exist, with the encoding and the locale of the backup's. A restore that fails removes it
   * again. A change restores nothing.
   * @default false
   */
  createDatabase?: pulumi.Input<boolean>;
  /**
   * Parallel `pg_restore` workers, 1 to 64. A change restores nothing.
   * @default the number of CPUs of this machine, at most 4
   */
  jobs?: pulumi.Input<number>;
  /**
   * Tables that had at least this many bytes in the source, without indexes, are loaded by all workers at once, if there are
   * two or more; 0 turns that off. It needs the format `directory` in a folder that the container sees. Rows are then in about
   * the order of the source, not exactly. A change restores nothing.
   * @default 536870912 (512 MiB)
   */
  splitTablesFrom?: pulumi.Input<number>;
  /**
   * Seconds that the last step, which puts the tables in their place, waits for a table that somebody has locked. A change
   * restores nothing.
   * @default 60
   */
  lockTimeout?: pulumi.Input<number>;
  /**
   * Any values. A change of one of them is a new restore.
   * @default none
   */
  triggers?: pulumi.Input<pulumi.Input<string>[]>;
}

export const tableRestoreNames: ArgumentNames<TableRestoreArgs> = {
  connection: connectionNames,
  password: "secret",
  location: "string",
  s3: s3Names,
  tables: "object",
  excludeTables: "object",
  schemas: "object",
  content: "string",
  ifExists: "string",
  missingRoles: "string",
  tableTriggers: "string",
  createDatabase: "boolean",
  jobs: "number",
  splitTablesFrom: "number",
  lockTimeout: "number",
  triggers: "object",
};
