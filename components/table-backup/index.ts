import type * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import { BackupRequest, BackupResult, Duration, milliseconds } from "../../runner/request";
import { refuseUnknownArguments } from "../shared/argument-names";
import { checkPassword, checkValue, derived, Switch } from "../shared/check";
import { outputsOf, withSecretPassword } from "../shared/component";
import { connectionArguments } from "../shared/connection";
import { serverIdentity, valuesAlone } from "../shared/identity";
import { needsResources } from "../shared/preview";
import { refuseUnusedS3 } from "../shared/s3-settings";
import { runVerb } from "../shared/verb";
import { type TableBackupArgs, tableBackupNames } from "./args";
import { goneBackup } from "./last-backup";
import { warnInPreview } from "./preview";

/** What was done to prove that a backup can be restored. */
export interface Verification {
  /** `none`, `archive` or `restore`. */
  level: string;
  /** How long it took. */
  seconds: number;
  /** Image of the throwaway server that the archive was restored into. */
  image?: string;
}

/** A copy of a backup in another repository. */
export interface BackupCopy {
  /** Where it is: a folder on this machine, or `s3://bucket/prefix/name/id`. */
  location: string;
  /** Path or URL of its manifest. */
  manifest: string;
  /** Versions of its files by their paths, of as many as fit, where the bucket keeps versions. */
  versionIds?: Record<string, string>;
}

/**
 * A consistent backup of PostGIS tables, taken by `pg_dump` inside the database's own container.
 *
 * The first `pulumi up` takes a backup. A new one is taken when what is backed up or where it goes changes, when `triggers`
 * change, once in each period of `every`, and when the last one is gone. Nothing else takes one. Only `retention` removes
 * earlier backups; deleting this resource removes none. A preview warns of what would fail the backup.
 *
 * @example
 * new TableBackup("cbm", {
 *   connection: { container: "pg_spat" },
 *   tables: ["dias_catalogue", "parcel_set", "roi2020_S2_signatures"],
 *   repository: "./backups",
 * });
 */
export class TableBackup extends pulumi.ComponentResource {
  static readonly argumentNames = tableBackupNames;

  /** The command that took the backup. */
  public readonly command: command.local.Command;
  /** Where the backup is: a folder on this machine, or `s3://bucket/prefix/name/id`. `TableRestore` takes it. */
  public readonly location: pulumi.Output<string>;
  /** Path or URL of the backup's manifest, a JSON file. */
  public readonly manifest: pulumi.Output<string>;
  /** Last part of the location: the time, in UTC, at which the backup began. */
  public readonly backupId: pulumi.Output<string>;
  /** When the backup began; ISO 8601, UTC. */
  public readonly createdAt: pulumi.Output<string>;
  /** Size of all files of the backup, in bytes. */
  public readonly sizeBytes: pulumi.Output<number>;
  /** Qualified names of the tables in the backup, as many as fit into 2 KB; the manifest lists all. */
  public readonly tables: pulumi.Output<string[]>;
  /**
   * Shell command that brings the tables into a new database of the same server. It uses stock tools, or, for a backup in S3,
   * this package's command line.
   */
  public readonly restoreCommand: pulumi.Output<string>;
  /** Where else the backup is, one for each of `copies`. */
  public readonly copies: pulumi.Output<BackupCopy[]>;
  /** Versions of the backup's files by their paths, of as many as fit; undefined where the repository keeps no versions. */
  public readonly versionIds: pulumi.Output<Record<string, string> | undefined>;
  /** What was done to prove that the backup can be restored. */
  public readonly verification: pulumi.Output<Verification>;
  /** Ids of earlier backups that retention removed. */
  public readonly pruned: pulumi.Output<string[]>;
  /** Why retention removed nothing, or not everything; undefined when all is well. */
  public readonly alarm: pulumi.Output<string | undefined>;

  constructor(name: string, args: TableBackupArgs, opts?: pulumi.ComponentResourceOptions) {
    const stored = withSecretPassword(args);
    super("postgis-backup:index:TableBackup", name, stored, opts);
    refuseUnknownArguments(args, tableBackupNames, this);
    checkPassword(args.password, this);
    checkValue(Switch, args.checkInPreview, ["checkInPreview"], this);
    refuseUnusedS3(args, this);
    const { connection: server, password, backupName, every, triggers, checkInPreview, ...asked } = stored;
    const period = derived(every, (given) => {
      if (given === undefined) return [];
      checkValue(Duration, given, ["every"], this);
      // Periods are counted from 1970-01-01T00:00Z.
      return [Math.floor(Date.now() / milliseconds(given))];
    });
    const { user, database, dockerHost, container } = pulumi.output(server);
    const { command, request, result } = runVerb(
      `${name}-backup`,
      {
        verb: "backup",
        requestSchema: BackupRequest,
        request: { ...asked, name: backupName ?? name, container, user, database, dockerHost },
        argumentOf: { ...connectionArguments("connection"), name: "backupName" },
        resultSchema: BackupResult,
        password,
        triggers: this.triggersOf(name, { ...args, triggers }, period),
      },
      this,
      opts,
    );
    const waits = opts?.dependsOn === undefined ? needsResources(server) : Promise.resolve(true);
    if (checkInPreview ?? true) warnInPreview({ request, password, waits }, this);
    this.command = command;
    this.location = result.location;
    this.manifest = result.manifest;
    this.backupId = result.backupId;
    this.createdAt = result.createdAt;
    this.sizeBytes = result.sizeBytes;
    this.tables = result.tables;
    this.restoreCommand = result.restoreCommand;
    this.copies = result.copies;
    this.versionIds = result.apply(({ versionIds }) => versionIds);
    this.verification = result.verification;
    this.pruned = result.pruned;
    this.alarm = result.apply(({ alarm }) => alarm);
    this.registerOutputs(outputsOf(this));
  }

  /** What a change of takes a new backup. */
  private triggersOf(
    name: string,
    args: TableBackupArgs,
    period: pulumi.Input<number[]>,
  ): pulumi.Output<unknown[]> {
    const s3 = args.s3 === undefined ? undefined : pulumi.output(args.s3);
    const server = pulumi.output(args.connection);
    const subject = {
      container: server.apply(serverIdentity),
      database: server.database,
      tables: args.tables,
      excludeTables: args.excludeTables,
      repository: args.repository,
      copies: args.copies,
      endpoint: s3?.endpoint,
      name: args.backupName ?? name,
      format: args.format,
      compression: args.compression,
      missingReferences: args.missingReferences,
      accept: args.accept,
    };
    const command = pulumi.createUrn(`${name}-backup`, "command:local:Command", this);
    const gone = pulumi.all([command, s3]).apply(([urn, server]) => goneBackup(urn, server, this));
    return valuesAlone(
      pulumi
        .all([subject, args.triggers ?? [], period, gone])
        .apply(([known, triggers, now, again]) => [known, ...triggers, ...now, ...again]),
    );
  }
}
