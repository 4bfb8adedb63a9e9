import * as docker from "@pulumi/docker";
// By the package's own name, as every other program has them, and compiled ("npm run build"): an update then transpiles
// this file alone.
import { BackupBucket, type BackupBucketArgs, PostgisContainer, settings, TableBackup } from "postgis-backup";

// Each setting has the name of the argument that it becomes. Pulumi.yaml has the defaults of this program; the components have
// the others.
const { config, argumentsOf, refuseUnknown } = settings();

// The Docker provider and the docker command line may find different daemons on their own.
const dockerHost = config.get("dockerHost");
const provider =
  dockerHost === undefined ? {} : { provider: new docker.Provider("docker", { host: dockerHost }) };

const database = new PostgisContainer(
  "postgis",
  { ...argumentsOf(PostgisContainer), password: config.requireSecret("password") },
  provider,
);

const bucketArgs = config.getObject<BackupBucketArgs>("bucket");
const bucket = bucketArgs === undefined ? [] : [new BackupBucket("backups", bucketArgs).repository];

const { s3, ...asked } = argumentsOf(TableBackup, "connection", "password");
const repository = config.require("repository");
const copies = config.getObject<string[]>("copies") ?? [];
const usesS3 = bucket.length > 0 || [repository, ...copies].some((one) => one.startsWith("s3:"));

const backup = new TableBackup("tables", {
  ...asked,
  connection: database.connection,
  tables: config.requireObject<string[]>("tables"),
  repository,
  copies: [...bucket, ...copies],
  s3: usesS3 ? s3 : undefined,
});

// A misspelt setting would be ignored. Nothing has been created yet.
refuseUnknown();

export const backupLocation = backup.location;
export const backupCopies = backup.copies;
export const backupVersionIds = backup.versionIds;
export const backupManifest = backup.manifest;
export const backupId = backup.backupId;
export const backupTables = backup.tables;
export const backupVerification = backup.verification;
export const backupAlarm = backup.alarm;
export const backupSizeBytes = backup.sizeBytes;
export const restoreCommand = backup.restoreCommand;
export const databaseUri = database.uri;
export const containerName = database.containerName;
export const volumeName = database.volumeName;
