import * as pulumi from "@pulumi/pulumi";
import { BackupBucket, TableBackup } from "postgis-backup";

const config = new pulumi.Config();

const bucket = new BackupBucket("backups", {
  prefix: "cbm/prod",
  expireNoncurrentDays: config.getNumber("expireNoncurrentDays"), // such as 30: then the space of what was pruned is free
  withoutProtections: config.getObject("withoutProtections"), // what a server that is not AWS does not have
});

const backup = new TableBackup("cbm", {
  connection: { container: config.get("containerName") ?? "pg_spat" },
  tables: ["dias_catalogue", "roi*_signatures"],
  repository: bucket.repository, // streamed: nothing is written to a disk of this machine
  s3: config.getObject("s3"), // a server that is not AWS: { endpoint, region, forcePathStyle }
  verify: "restore",
  retention: { keepDaily: 7 },
  every: "24h",
});

export const location = backup.location;
export const versionIds = backup.versionIds;
export const restore = backup.restoreCommand;
// For whoever takes, prunes or restores the backups from now on, each with the least that it needs.
export const policies = {
  backup: bucket.backupPolicy,
  prune: bucket.prunePolicy,
  restore: bucket.restorePolicy,
};
