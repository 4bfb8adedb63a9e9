import * as pulumi from "@pulumi/pulumi";
import { BackupRequest, BackupResult } from "../runner/request";
import { checkedRequest, checkValue } from "./check";
import type { PostgisConnectionArgs } from "./connection";
import { Period, periodNumber } from "./period";
import { runnerCommand } from "./runner-command";

/** Archive formats of `pg_dump`. */
export const ArchiveFormat = {
  /** A folder with one file a table; the only format that is written and restored in parallel. */
  Directory: "directory",
  /** One file for `pg_restore`. */
  Custom: "custom",
  /** SQL for `psql`. */
  Plain: "plain",
} as const;
export type ArchiveFormat = (typeof ArchiveFormat)[keyof typeof ArchiveFormat];

export interface TableBackupArgs {
  /**
   * Where the tables are: the `connection` of a `PostgisContainer`, or the name of a container that runs already, as
   * `{ container: "pg_spat" }`. Another container or database is a new backup; another user is not.
   */
  connection: pulumi.Input<PostgisConnectionArgs>;
  /**
   * Password of the user, needed only where the server asks for one on the container's loopback interface; the official
   * images do not. A change takes no new backup.
   */
  password?: pulumi.Input<string>;
  /**
   * Tables, backed up together from one snapshot: `table`, `schema.table`, or patterns with `*` and `?`. Case-sensitive;
   * partitions come with their parents. A name that matches nothing fails the backup. A change is a new backup.
   */
  tables: pulumi.Input<pulumi.Input<string>[]>;
  /**
   * Tables or patterns to leave out. A change is a new backup.
   * @default none
   */
  excludeTables?: pulumi.Input<pulumi.Input<string>[]>;
  /**
   * Folder on this machine that holds the backups; relative to the program. For the directory format it must lie in a
   * folder that is mounted in the container. A change is a new backup; earlier ones stay where they are.
   */
  directory: pulumi.Input<string>;
  /**
   * Name of this series of backups, a folder under `directory`. A change is a new backup.
   * @default the name of the component
   */
  backupName?: pulumi.Input<string>;
  /**
   * Archive format: `directory`, `custom` or `plain`. A change is a new backup.
   * @default "directory"
   */
  format?: pulumi.Input<ArchiveFormat>;
  /**
   * Parallel `pg_dump` workers, 1 to 64; only the directory format uses more than one. A change takes no new backup.
   * @default the number of CPUs of this machine, at most 4
   */
  jobs?: pulumi.Input<number>;
  /**
   * `zstd`, `gzip`, `lz4`, with an optional level such as `zstd:1`, or `none`. zstd and lz4 need PostgreSQL 16. A change
   * is a new backup.
   * @default "zstd:1", or "gzip:1" below PostgreSQL 16
   */
  compression?: pulumi.Input<string>;
  /**
   * Any values; a change of one of them is a new backup.
   * @default none
   */
  triggers?: pulumi.Input<pulumi.Input<string>[]>;
  /**
   * Takes a new backup at the first `pulumi up` of every such period, such as `24h` or `7d`. Periods are counted from
   * 1970-01-01T00:00Z, so that `24h` begins at midnight UTC.
   * @default never by time
   */
  every?: pulumi.Input<string>;
}

/**
 * A consistent backup of PostGIS tables, taken by `pg_dump` inside the database's own container.
 *
 * A new one is taken by the first `pulumi up`, when what is backed up or where it goes changes, when `triggers` change,
 * and once in each period of `every`; nothing else takes one. Earlier backups are never touched, nor are any when this
 * resource is deleted.
 *
 * @example
 * new TableBackup("cbm", {
 *   connection: { container: "pg_spat" },
 *   tables: ["dias_catalogue", "parcels_2020", "roi2020_S2_signatures"],
 *   directory: "./backups",
 * });
 */
export class TableBackup extends pulumi.ComponentResource {
  /** Folder of the backup on this machine. */
  public readonly location: pulumi.Output<string>;
  /** Path of the backup's manifest, a JSON file. */
  public readonly manifest: pulumi.Output<string>;
  /** Name of the backup's folder: the time, in UTC, at which it began. */
  public readonly backupId: pulumi.Output<string>;
  /** When the backup began; ISO 8601, UTC. */
  public readonly createdAt: pulumi.Output<string>;
  /** Size of all files of the backup, in bytes. */
  public readonly sizeBytes: pulumi.Output<number>;
  /** Qualified names of the tables in the backup, as many as fit into 2 KB; the manifest lists all. */
  public readonly tables: pulumi.Output<string[]>;
  /** Shell command of stock tools that brings the tables into a new database of the same server. */
  public readonly restoreCommand: pulumi.Output<string>;

  constructor(name: string, args: TableBackupArgs, opts?: pulumi.ComponentResourceOptions) {
    const password = args.password === undefined ? undefined : pulumi.secret(args.password);
    super("postgis-backup:index:TableBackup", name, { ...args, password }, opts);
    const connection = pulumi.output(args.connection);
    const subject = {
      container: connection.container,
      database: connection.database,
      tables: args.tables,
      excludeTables: args.excludeTables,
      directory: args.directory,
      name: args.backupName ?? name,
      format: args.format,
      compression: args.compression,
    };
    const request = checkedRequest(
      BackupRequest,
      { ...subject, user: connection.user, dockerHost: connection.dockerHost, jobs: args.jobs },
      this,
    );
    if (typeof args.every === "string") checkValue(Period, args.every, ["every"], this);
    const period = pulumi.output(args.every).apply((every) => {
      if (every === undefined) return [];
      checkValue(Period, every, ["every"], this);
      return [periodNumber(every, Date.now())];
    });
    const taken = runnerCommand(
      `${name}-backup`,
      {
        verb: "backup",
        request,
        password,
        triggers: pulumi
          .all([subject, args.triggers ?? [], period])
          .apply(([known, triggers, now]) => [known, ...triggers, ...now]),
        onUpdate: "keep",
      },
      { parent: this },
    );
    const result = taken.stdout.apply((stdout) => BackupResult.parse(JSON.parse(stdout)));
    this.location = result.location;
    this.manifest = result.manifest;
    this.backupId = result.backupId;
    this.createdAt = result.createdAt;
    this.sizeBytes = result.sizeBytes;
    this.tables = result.tables;
    this.restoreCommand = result.restoreCommand;
    this.registerOutputs({
      location: this.location,
      manifest: this.manifest,
      backupId: this.backupId,
      createdAt: this.createdAt,
      sizeBytes: this.sizeBytes,
      tables: this.tables,
      restoreCommand: this.restoreCommand,
    });
  }
}
