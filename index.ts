import * as docker from "@pulumi/docker";
// By the package's own name, as every other program has them, and compiled ("npm run build"): an update then transpiles
// this file alone.
import {
  type ArchiveFormat,
  BackupBucket,
  type MissingReferences,
  type NotCarried,
  PostgisContainer,
  settings,
  TableBackup,
  type VerifyLevel,
} from "postgis-backup";

// Defaults and types of the settings stand in Pulumi.yaml, where the CLI checks them; those without a default are
// optional here.
const { config, refuseUnknown } = settings();
const dockerHost = config.get("dockerHost");
const bucketPrefix = config.get("bucketPrefix");
const keepLocal = config.requireBoolean("keepLocal");
const bucketName = config.get("bucketName");
const s3 = {
  endpoint: config.get("s3Endpoint"),
  region: config.get("s3Region"),
  forcePathStyle: config.requireBoolean("s3PathStyle"),
};

// The Docker provider and the docker command line may find different daemons on their own.
const provider =
  dockerHost === undefined ? {} : { provider: new docker.Provider("docker", { host: dockerHost }) };

const database = new PostgisContainer(
  "postgis",
  {
    image: config.require("image"),
    containerName: config.require("containerName"),
    hostAddress: config.require("hostAddress"),
    port: config.requireNumber("port"),
    database: config.require("database"),
    user: config.require("user"),
    password: config.requireSecret("password"),
    volumeName: config.get("volumeName"),
    adopt: config.get("adopt"),
    keepData: config.requireBoolean("keepData"),
    backupDirectory: config.require("backupDirectory"),
    initScripts: config.requireObject<string[]>("initScripts"),
    restoreFrom: config.get("restoreFrom"),
    s3,
    environment: config.getObject<Record<string, string>>("environment"),
    settings: config.getObject<Record<string, string>>("settings"),
    memory: config.requireNumber("memory"),
    shmSize: config.requireNumber("shmSize"),
    network: config.get("network"),
    labels: config.getObject<Record<string, string>>("labels"),
    startTimeout: config.getNumber("startTimeout"),
    dockerHost,
  },
  provider,
);

const bucket = config.requireBoolean("createBucket")
  ? new BackupBucket("backups", { bucketName, prefix: bucketPrefix }).bucketName
  : bucketName;

const backup = new TableBackup("tables", {
  connection: database.connection,
  tables: config.requireObject<string[]>("tables"),
  excludeTables: config.requireObject<string[]>("excludeTables"),
  directory: config.require("backupDirectory"),
  bucket,
  prefix: bucketPrefix,
  uploadLimit: config.getNumber("uploadLimit"),
  ...(bucket === undefined ? {} : { s3, keepLocal }),
  backupName: config.require("backupName"),
  format: config.require<ArchiveFormat>("format"),
  jobs: config.getNumber("jobs"),
  splitTablesFrom: config.requireNumber("splitTablesFrom"),
  compression: config.get("compression"),
  missingReferences: config.require<MissingReferences>("missingReferences"),
  accept: config.requireObject<NotCarried[]>("accept"),
  logicalForeignKeys: config.requireObject<string[]>("logicalForeignKeys"),
  maxOrphans: config.getNumber("maxOrphans"),
  lockTimeout: config.requireNumber("lockTimeout"),
  verify: config.require<VerifyLevel>("verify"),
  retention: config.getObject("retention"),
  fileMode: config.require("fileMode"),
  triggers: config.requireObject<string[]>("triggers"),
  every: config.get("every"),
});

// A misspelt setting would be ignored. Nothing has been created yet.
refuseUnknown();

export const backupLocation = backup.location;
export const backupLocalLocation = backup.localLocation;
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
