import * as pulumi from "@pulumi/pulumi";
import { wrongArgument } from "../shared/check";
import type { TableBackupArgs } from "./args";

/** Arguments that mean something only with others. */
const needs: readonly (readonly [keyof TableBackupArgs, readonly (keyof TableBackupArgs)[]])[] = [
  ["prefix", ["bucket"]],
  ["s3", ["bucket"]],
  ["uploadLimit", ["bucket"]],
  ["keepLocal", ["directory", "bucket"]],
];

/** Where a series of backups is kept, as the runner is told: a folder, a bucket, or a bucket by way of a folder. */
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
  if (bucket === undefined) return { directory };
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
  return directory === undefined ? { directory: url } : { directory, uploadTo: url };
}

/** What the runner is told of the S3 server; nothing where nothing is set. */
export function s3Of({ s3, uploadLimit }: TableBackupArgs) {
  if (s3 === undefined && uploadLimit === undefined) return undefined;
  return pulumi
    .all([s3 ?? {}, uploadLimit])
    .apply(([settings, limit]) => ({ ...settings, uploadLimit: limit }));
}
