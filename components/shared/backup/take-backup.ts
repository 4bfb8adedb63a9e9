/** Takes a backup, of tables or of a whole database. */
import type * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import { BackupRequest, BackupResult, Duration, milliseconds } from "../../../runner/request";
import { checkPassword, checkValue, derived, Switch } from "../check";
import { connectionArguments } from "../connection";
import { serverIdentity, valuesAlone } from "../identity";
import { needsResources } from "../preview";
import { refuseUnusedS3 } from "../s3-settings";
import { runVerb } from "../verb";
import type { BackupArgs } from "./args";
import { goneBackup } from "./last-backup";
import { warnInPreview } from "./warn-in-preview";

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

/** The outputs of a backup; the components describe them. */
interface TakenBackup {
  readonly command: command.local.Command;
  readonly location: pulumi.Output<string>;
  readonly manifest: pulumi.Output<string>;
  readonly backupId: pulumi.Output<string>;
  readonly createdAt: pulumi.Output<string>;
  readonly sizeBytes: pulumi.Output<number>;
  readonly tables: pulumi.Output<string[]>;
  readonly restoreCommand: pulumi.Output<string>;
  readonly copies: pulumi.Output<BackupCopy[]>;
  readonly versionIds: pulumi.Output<Record<string, string> | undefined>;
  readonly verification: pulumi.Output<Verification>;
  readonly pruned: pulumi.Output<string[]>;
  readonly alarm: pulumi.Output<string | undefined>;
}

/** A child that takes the backup. The selection is what is backed up; a change of it is a new backup. */
export function takeBackup(
  name: string,
  args: BackupArgs & { password?: pulumi.Output<string> },
  selection: pulumi.Inputs,
  component: pulumi.ComponentResource,
  opts: pulumi.ComponentResourceOptions | undefined,
): TakenBackup {
  checkPassword(args.password, component);
  checkValue(Switch, args.checkInPreview, ["checkInPreview"], component);
  refuseUnusedS3(args, component);
  const { connection, password, backupName, every, triggers = [], checkInPreview, ...asked } = args;
  const period = derived(every, (given) => {
    if (given === undefined) return [];
    checkValue(Duration, given, ["every"], component);
    // Periods are counted from 1970-01-01T00:00Z.
    return [Math.floor(Date.now() / milliseconds(given))];
  });
  const { user, database, dockerHost, container } = pulumi.output(connection);
  const { command, request, result } = runVerb(
    `${name}-backup`,
    {
      verb: "backup",
      requestSchema: BackupRequest,
      request: { ...asked, ...selection, name: backupName ?? name, container, user, database, dockerHost },
      argumentOf: { ...connectionArguments("connection"), name: "backupName" },
      resultSchema: BackupResult,
      password,
      triggers: triggersOf(name, { ...args, triggers }, selection, period, component),
    },
    component,
    opts,
  );
  const waits = opts?.dependsOn === undefined ? needsResources(connection) : Promise.resolve(true);
  if (checkInPreview ?? true) warnInPreview({ request, password, waits }, component);
  const { location, manifest, backupId, createdAt, sizeBytes, tables, restoreCommand } = result;
  const { copies, verification, pruned } = result;
  return {
    ...{ command, location, manifest, backupId, createdAt, sizeBytes, tables, restoreCommand },
    ...{ copies, verification, pruned },
    versionIds: result.apply(({ versionIds }) => versionIds),
    alarm: result.apply(({ alarm }) => alarm),
  };
}

/** What a change of takes a new backup. */
function triggersOf(
  name: string,
  args: BackupArgs & Required<Pick<BackupArgs, "triggers">>,
  selection: pulumi.Inputs,
  period: pulumi.Input<number[]>,
  component: pulumi.ComponentResource,
): pulumi.Output<unknown[]> {
  const s3 = args.s3 === undefined ? undefined : pulumi.output(args.s3);
  const server = pulumi.output(args.connection);
  const subject = {
    ...selection,
    container: server.apply(serverIdentity),
    database: server.database,
    repository: args.repository,
    copies: args.copies,
    endpoint: s3?.endpoint,
    name: args.backupName ?? name,
    format: args.format,
    compression: args.compression,
    accept: args.accept,
  };
  const command = pulumi.createUrn(`${name}-backup`, "command:local:Command", component);
  const gone = pulumi.all([command, s3]).apply(([urn, known]) => goneBackup(urn, known, component));
  return valuesAlone(
    pulumi
      .all([subject, args.triggers, period, gone])
      .apply(([known, triggers, now, again]) => [known, ...triggers, ...now, ...again]),
  );
}
