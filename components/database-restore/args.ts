import type * as pulumi from "@pulumi/pulumi";
import type { Connections, IfExists, MissingRoles } from "../../runner/request/choices";
import type { ArgumentNames } from "../shared/argument-names";
import { connectionNames, type PostgisConnectionArgs } from "../shared/connection";
import { s3Names, type S3SettingsArgs } from "../shared/s3-settings";

export interface DatabaseRestoreArgs {
  /**
   * The server, and the database that the restored one becomes: the `connection` of a `PostgisContainer`, or
   * `{ container: "pg_spat", database: "gis" }`. Another container or database is a new restore; another user is not.
   */
  connection: pulumi.Input<PostgisConnectionArgs>;
  /**
   * Password of the user. It is needed only where the server asks for one on the container's loopback interface, which the
   * official images do not. A change restores nothing.
   * @default none
   */
  password?: pulumi.Input<string>;
  /**
   * Which backup: the `location` of a `DatabaseBackup`, a folder such as `./backups/gis/latest`, or
   * `s3://bucket/prefix/gis/latest`. A change is a new restore.
   */
  location: pulumi.Input<string>;
  /**
   * How the S3 server is reached that has the backup. A change restores nothing.
   * @default AWS, or what the environment says
   */
  s3?: pulumi.Input<S3SettingsArgs>;
  /**
   * What happens when the database exists and is not empty: `fail`; `swap`, which keeps the old one under another name;
   * `replace` it; or `skip`, which does nothing. One that has nothing but extensions is always replaced. **Caution**: `replace`
   * drops the old database, once the restored one is complete and compared. A change restores nothing.
   * @default "fail"
   */
  ifExists?: pulumi.Input<IfExists>;
  /**
   * What happens to sessions in a database that the restored one takes the place of: `fail` because of them, or `end` them. A
   * change restores nothing.
   * @default "fail"
   */
  connections?: pulumi.Input<Connections>;
  /**
   * What happens about roles that the server lacks: `fail`; `create` owners and grantees, which cannot log in; or `restore` all roles
   * as they were, from a backup that has `globals`, as a superuser. A change restores nothing.
   * @default "fail"
   */
  missingRoles?: pulumi.Input<MissingRoles>;
  /**
   * Parallel `pg_restore` workers, 1 to 64. A change restores nothing.
   * @default the number of CPUs of this machine, at most 4
   */
  jobs?: pulumi.Input<number>;
  /**
   * Any values. A change of one of them is a new restore.
   * @default none
   */
  triggers?: pulumi.Input<pulumi.Input<string>[]>;
}

export const databaseRestoreNames: ArgumentNames<DatabaseRestoreArgs> = {
  connection: connectionNames,
  password: "secret",
  location: "string",
  s3: s3Names,
  ifExists: "string",
  connections: "string",
  missingRoles: "string",
  jobs: "number",
  triggers: "object",
};
