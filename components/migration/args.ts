import type * as pulumi from "@pulumi/pulumi";
import type { ArchiveFormat, MissingRoles } from "../../runner/request/choices";
import type { ArgumentNames } from "../shared/argument-names";
import { connectionNames, type PostgisConnectionArgs } from "../shared/connection";
import { s3Names, type S3SettingsArgs } from "../shared/s3-settings";

/** What becomes of the old server's container after the migration. */
export const OldServer = {
  /** It is stopped, and kept with its data. */
  Keep: "keep",
  /** It is removed; its volume is kept. */
  Remove: "remove",
  /** It is removed, and its volume too. */
  RemoveData: "removeData",
} as const;
export type OldServer = (typeof OldServer)[keyof typeof OldServer];

export interface MigrationArgs {
  /**
   * The old server: the name of a container that runs already, as `{ container: "pg_spat" }`. Another container or database is
   * a new migration.
   */
  from: pulumi.Input<PostgisConnectionArgs>;
  /**
   * The new server: the `connection` of a `PostgisContainer` that is a `standby` for the same port, on the same Docker daemon.
   * Another container or database is a new migration.
   */
  to: pulumi.Input<PostgisConnectionArgs>;
  /**
   * Password. It is needed only where both servers ask for one on their loopback interface, which the official images do not.
   * A change migrates nothing.
   * @default none
   */
  password?: pulumi.Input<string>;
  /**
   * Where the backup that moves the tables is kept: a folder on this machine, relative to the program, or
   * `s3://bucket/prefix`. A change migrates nothing.
   */
  repository: pulumi.Input<string>;
  /**
   * How the S3 server is reached. It is refused where `repository` is a folder. A change migrates nothing.
   * @default AWS, or what the environment says
   */
  s3?: pulumi.Input<S3SettingsArgs>;
  /**
   * Name of the backup, a folder in the repository. A change migrates nothing.
   * @default the name of the component
   */
  backupName?: pulumi.Input<string>;
  /**
   * Moves the whole database: views, functions, large objects, rows of extensions and all else that `pg_dump` dumps of it, with its
   * owner, its settings and its privileges. It takes the place of the database in `to`, which must be empty. A change migrates nothing.
   * @default false: its tables, and what they need
   */
  all?: pulumi.Input<boolean>;
  /**
   * `custom` and `plain` are streamed; `directory` is written by several workers into a folder that is mounted in the old
   * container, or streamed to S3. A change migrates nothing.
   * @default "custom"
   */
  format?: pulumi.Input<ArchiveFormat>;
  /**
   * Tables, views or patterns that stay behind. All other tables go along. It is refused with `all`. A change migrates nothing.
   * @default none
   */
  excludeTables?: pulumi.Input<pulumi.Input<string>[]>;
  /**
   * Further databases of the old server, which stay behind. One that is not named here fails the migration. A change migrates
   * nothing.
   * @default none
   */
  excludeDatabases?: pulumi.Input<pulumi.Input<string>[]>;
  /**
   * What else of the old server stays behind, each by the words with which the error names it: `"view public.seen"`,
   * `"database postgres"`, `"password of role worker"`. `*` and `?` stand for any characters of a name: `"server setting *"`.
   * Whatever the new server would lack fails the migration before it begins, unless it is named here. A change migrates nothing.
   * @default none
   */
  leaveBehind?: pulumi.Input<pulumi.Input<string>[]>;
  /**
   * Foreign keys that the database does not declare, as `"child.column -> parent.column"`, whose orphans are compared. A change
   * migrates nothing.
   * @default none
   */
  logicalForeignKeys?: pulumi.Input<pulumi.Input<string>[]>;
  /**
   * What happens about roles that the new server lacks: `fail`; `create` owners and grantees, which cannot log in; or, with `all`,
   * `restore` all roles of the old server as they were. The backup that moves them then has the hashes of their passwords. A change
   * migrates nothing.
   * @default "fail"
   */
  missingRoles?: pulumi.Input<MissingRoles>;
  /**
   * Parallel workers, 1 to 64. A change migrates nothing.
   * @default the number of CPUs of this machine, at most 4
   */
  jobs?: pulumi.Input<number>;
  /**
   * Seconds to wait for transactions that write, before the tables are backed up. A change migrates nothing.
   * @default 60
   */
  lockTimeout?: pulumi.Input<number>;
  /**
   * What becomes of the old server's container after the migration: `keep`, `remove`, or `removeData`. It is removed only when
   * everything is migrated and the container was not started again since. **Caution**: `removeData` deletes the old data.
   * @default "keep"
   */
  oldServer?: OldServer;
  /**
   * Any values, such as the `containerId` of the new server. A change of one of them gives its container the port again. What
   * is migrated is not migrated again.
   * @default none
   */
  triggers?: pulumi.Input<pulumi.Input<string>[]>;
}

export const migrationNames: ArgumentNames<MigrationArgs> = {
  from: connectionNames,
  to: connectionNames,
  password: "secret",
  repository: "string",
  s3: s3Names,
  backupName: "string",
  all: "boolean",
  format: "string",
  excludeTables: "object",
  excludeDatabases: "object",
  leaveBehind: "object",
  logicalForeignKeys: "object",
  missingRoles: "string",
  jobs: "number",
  lockTimeout: "number",
  oldServer: "string",
  triggers: "object",
};
