import type * as pulumi from "@pulumi/pulumi";
import type { PostgisConnectionArgs } from "../shared/connection";
import type { IfExists, MissingRoles, RestoreContent } from "../../runner/request";
import type { S3SettingsArgs } from "../shared/s3-settings";

export interface TableRestoreArgs {
  /**
   * Where the tables go: the `connection` of a `PostgisContainer`, or the name of a container that runs already, as
   * `{ container: "pg_spat" }`. Another container or database is a new restore; another user is not.
   */
  connection: pulumi.Input<PostgisConnectionArgs>;
  /**
   * Password of the user, needed only where the server asks for one on the container's loopback interface; the official
   * images do not. A change restores nothing.
   */
  password?: pulumi.Input<string>;
  /**
   * Where the backup is: the `location` of a `TableBackup`, a folder such as `./backups/cbm/latest`, or
   * `s3://bucket/prefix/cbm/latest`. A change is a new restore.
   */
  location: pulumi.Input<string>;
  /**
   * How the S3 server of a bucket is spoken to. A change restores nothing.
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
   * `all`, `data` or `schema`. A change is a new restore.
   * @default "all"
   */
  content?: pulumi.Input<RestoreContent>;
  /**
   * What happens where a table exists: `fail`, `replace`, `swap` or `skip`. **Caution**: `replace` drops what is there, once the
   * restored tables are complete and compared. A change restores nothing.
   * @default "fail"
   */
  ifExists?: pulumi.Input<IfExists>;
  /**
   * Owners and grantees that the server lacks: `fail`, or `create` them. A change restores nothing.
   * @default "fail"
   */
  missingRoles?: pulumi.Input<MissingRoles>;
  /**
   * Parallel `pg_restore` workers, 1 to 64. A change restores nothing.
   * @default the number of CPUs of this machine, at most 4
   */
  jobs?: pulumi.Input<number>;
  /**
   * Bytes of a table in the source, without its indexes, from which on all workers, if there is more than one, load it
   * together; 0 for never. Only from the directory format, where the container sees the backup. Its rows are then in
   * about the order of the source, not exactly. A change restores nothing.
   * @default 536870912 (512 MiB)
   */
  splitTablesFrom?: pulumi.Input<number>;
  /**
   * Seconds that the last step, which puts the tables in their place, waits for a table that somebody has locked.
   * @default 60
   */
  lockTimeout?: pulumi.Input<number>;
  /**
   * Any values; a change of one of them is a new restore.
   * @default none
   */
  triggers?: pulumi.Input<pulumi.Input<string>[]>;
}
