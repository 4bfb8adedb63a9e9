import * as pulumi from "@pulumi/pulumi";
import { checkValue, Switch, wrongArgument } from "../shared/check";
import type { TableBackupArgs } from "./args";

/** Arguments that mean something only with others. */
const needs: readonly (readonly [keyof TableBackupArgs, readonly (keyof TableBackupArgs)[]])[] = [
  ["prefix", ["bucket"]],
  ["s3", ["bucket"]],
  ["uploadLimit", ["bucket"]],
  ["keepLocal", ["directory", "bucket"]],
];

/** Where backups are kept: what a change of makes a new backup, and what the runner is asked for. */
export function placeOf(args: TableBackupArgs, resource: pulumi.Resource) {
  const { directory, bucket } = args;
  if (directory === undefined && bucket === undefined) {
    throw wrongArgument(
      "directory: must be given, or else bucket: there is no place for the backup",
      resource,
    );
  }
  for (const [property, others] of needs) {
    const missing = others.filter((other) => args[other] === undefined);
    if (args[property] === undefined || missing.length === 0) continue;
    throw wrongArgument(`${property}: has no effect without ${missing.join(" and ")}`, resource);
  }
  if (bucket === undefined) return { known: { directory }, asked: { repository: directory } };
  if (directory === undefined && args.format === "directory") {
    throw wrongArgument(
      'format: cannot be "directory" where the backup goes straight into a bucket, for it is many files: take "custom" or "plain", ' +
        "or name a directory too",
      resource,
    );
  }
  const url = pulumi
    .all([bucket, args.prefix])
    .apply(([name, prefix]) => (prefix === undefined ? `s3://${name}` : `s3://${name}/${prefix}`));
  if (directory === undefined) return { known: { directory: url }, asked: { repository: url } };
  checkValue(Switch, args.keepLocal, ["keepLocal"], resource);
  const kept = pulumi.output(args.keepLocal ?? true);
  const asked = {
    repository: kept.apply((keep) => (keep ? directory : url)),
    copies: kept.apply((keep) => (keep ? [url] : undefined)),
    workDirectory: kept.apply((keep) => (keep ? undefined : directory)),
  };
  return { known: { directory, uploadTo: url }, asked };
}

/** What the runner is told of the S3 server; nothing where nothing is set. */
export function s3Of({ s3, uploadLimit }: TableBackupArgs) {
  if (s3 === undefined && uploadLimit === undefined) return undefined;
  return pulumi
    .all([s3 ?? {}, uploadLimit])
    .apply(([settings, limit]) => ({ ...settings, uploadLimit: limit }));
}
