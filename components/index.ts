export { BackupBucket } from "./backup-bucket";
export {
  type BackupBucketArgs,
  BucketProtection,
  ObjectLockMode,
  TransitionStorageClass,
} from "./backup-bucket-args";
export type { PostgisConnection, PostgisConnectionArgs } from "./connection";
export { settings } from "./known-names";
export { Migration } from "./migration";
export { type MigrationArgs, OldSide } from "./migration-args";
export { PostgisContainer } from "./postgis-container";
export type { PostgisContainerArgs } from "./postgis-container-args";
export type { S3SettingsArgs } from "./s3-settings";
export { TableBackup, type Verification } from "./table-backup";
export {
  ArchiveFormat,
  NotCarried,
  References,
  type TableBackupArgs,
  VerifyLevel,
} from "./table-backup-args";
export { TableRestore } from "./table-restore";
export { IfExists, MissingRoles, RestoreContent, type TableRestoreArgs } from "./table-restore-args";
