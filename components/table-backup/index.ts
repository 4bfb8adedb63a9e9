import * as pulumi from "@pulumi/pulumi";
import { tableBackupNames } from "../shared/argument-names";
import { refuseUnknownArguments } from "../shared/known-names";
import { BackupRequest, BackupResult } from "../../runner/request";
import { placeOf, s3Of } from "./backup-place";
import { checkPassword, checkedRequest, checkValue } from "../shared/check";
import { connectionArguments } from "../shared/connection";
import { goneBackup } from "./last-backup";
import { serverIdentity, valuesAlone } from "../shared/identity";
import { Period, periodNumber } from "../shared/period";
import { warnInPreview } from "../shared/preview";
import { runnerCommand } from "../shared/runner-command";
import type { TableBackupArgs } from "./args";

/** What was done to prove that a backup can be restored. */
export interface Verification {
  /** `none`, `archive` or `restore`. */
  level: string;
  /** How long it took. */
  seconds: number;
  /** Image of the throwaway container that the archive was restored in. */
  image?: string;
}

/**
 * A consistent backup of PostGIS tables, taken by `pg_dump` inside the database's own container.
 *
 * A new one is taken by the first `pulumi up`, when what is backed up or where it goes changes, when `triggers` change,
 * once in each period of `every`, and when the last one is not there any more; nothing else takes one. Earlier backups are touched by the `keep…` rules alone, and
 * none is when this resource is deleted. A preview warns of what would keep the backup from being taken.
 *
 * @example
 * new TableBackup("cbm", {
 *   connection: { container: "pg_spat" },
 *   tables: ["dias_catalogue", "parcels_2020", "roi2020_S2_signatures"],
 *   directory: "./backups",
 * });
 */
export class TableBackup extends pulumi.ComponentResource {
  /** Where the backup is: a folder on this machine, or `s3://bucket/prefix/name/id`. `TableRestore` takes it. */
  public readonly location: pulumi.Output<string>;
  /** Path or URL of the backup's manifest, a JSON file. */
  public readonly manifest: pulumi.Output<string>;
  /** Last part of the location: the time, in UTC, at which it began. */
  public readonly backupId: pulumi.Output<string>;
  /** When the backup began; ISO 8601, UTC. */
  public readonly createdAt: pulumi.Output<string>;
  /** Size of all files of the backup, in bytes. */
  public readonly sizeBytes: pulumi.Output<number>;
  /** Qualified names of the tables in the backup, as many as fit into 2 KB; the manifest lists all. */
  public readonly tables: pulumi.Output<string[]>;
  /**
   * Shell command that brings the tables into a new database of the same server: of stock tools, or, from a bucket, of this
   * package's command line.
   */
  public readonly restoreCommand: pulumi.Output<string>;
  /** Folder of the copy on this machine, where the backup went to a bucket by way of a folder; else empty. */
  public readonly localLocation: pulumi.Output<string>;
  /** Versions of the backup's files by their paths, of as many as fit, where the bucket keeps versions; else empty. */
  public readonly versionIds: pulumi.Output<Record<string, string>>;

  /** What was done to prove that the backup can be restored. */
  public readonly verification: pulumi.Output<Verification>;
  /** Ids of earlier backups that retention removed. */
  public readonly pruned: pulumi.Output<string[]>;
  /** Why retention removed nothing though it should have: a reason to look. Empty when all is well. */
  public readonly alarm: pulumi.Output<string>;

  constructor(name: string, args: TableBackupArgs, opts?: pulumi.ComponentResourceOptions) {
    const password = args.password === undefined ? undefined : pulumi.secret(args.password);
    super("postgis-backup:index:TableBackup", name, { ...args, password }, opts);
    refuseUnknownArguments(args, tableBackupNames, this);
    checkPassword(args.password, this);
    const connection = pulumi.output(args.connection);
    const subject = {
      container: connection.apply(serverIdentity),
      database: connection.database,
      tables: args.tables,
      excludeTables: args.excludeTables,
      ...placeOf(args, this),
      name: args.backupName ?? name,
      format: args.format,
      compression: args.compression,
      missingReferences: args.missingReferences,
      accept: args.accept,
    };
    const s3 = s3Of(args);
    const request = checkedRequest(
      BackupRequest,
      {
        ...subject,
        container: connection.container,
        s3,
        keepLocal: args.keepLocal,
        user: connection.user,
        dockerHost: connection.dockerHost,
        jobs: args.jobs,
        splitTablesFrom: args.splitTablesFrom,
        logicalForeignKeys: args.logicalForeignKeys,
        maxOrphans: args.maxOrphans,
        lockTimeout: args.lockTimeout,
        verify: args.verify,
        retention: args.retention,
        fileMode: args.fileMode,
      },
      this,
      { ...connectionArguments("connection"), name: "backupName", uploadTo: "bucket" },
    );
    warnInPreview(request, password, this);
    if (typeof args.every === "string") checkValue(Period, args.every, ["every"], this);
    const period = pulumi.output(args.every).apply((every) => {
      if (every === undefined) return [];
      checkValue(Period, every, ["every"], this);
      return [periodNumber(every, Date.now())];
    });
    const command = pulumi.createUrn(`${name}-backup`, "command:local:Command", this);
    const gone = pulumi.all([command, s3]).apply(([urn, server]) => goneBackup(urn, server, this));
    const taken = runnerCommand(
      `${name}-backup`,
      {
        verb: "backup",
        request,
        password,
        triggers: valuesAlone(
          pulumi
            .all([{ ...subject, endpoint: s3?.endpoint }, args.triggers ?? [], period, gone])
            .apply(([known, triggers, now, again]) => [known, ...triggers, ...now, ...again]),
        ),
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
    this.localLocation = result.apply(({ localLocation }) => localLocation ?? "");
    this.versionIds = result.apply(({ versionIds }) => versionIds ?? {});
    this.verification = result.verification;
    this.pruned = result.pruned;
    this.alarm = result.apply(({ alarm }) => alarm ?? "");
    this.registerOutputs({
      location: this.location,
      manifest: this.manifest,
      backupId: this.backupId,
      createdAt: this.createdAt,
      sizeBytes: this.sizeBytes,
      tables: this.tables,
      restoreCommand: this.restoreCommand,
      localLocation: this.localLocation,
      versionIds: this.versionIds,
      verification: this.verification,
      pruned: this.pruned,
      alarm: this.alarm,
    });
  }
}
