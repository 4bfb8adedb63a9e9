export { BackupBucket } from "./backup-bucket/index";
export {
  type BackupBucketArgs,
  BucketProtection,
  ObjectLockMode,
  TransitionStorageClass,
} from "./backup-bucket/args";
export type { PostgisConnection, PostgisConnectionArgs } from "./shared/connection";
export { settings } from "./shared/known-names";
export { Migration } from "./migration/index";
export { type MigrationArgs, OldSide } from "./migration/args";
export { PostgisContainer } from "./postgis-container/index";
export type { PostgisContainerArgs } from "./postgis-container/args";
export type { S3SettingsArgs } from "./shared/s3-settings";
export { TableBackup, type Verification } from "./table-backup/index";
export {
  ArchiveFormat,
  NotCarried,
  References,
  type TableBackupArgs,
  VerifyLevel,
} from "./table-backup/args";
export { TableRestore } from "./table-restore/index";
export { IfExists, MissingRoles, RestoreContent, type TableRestoreArgs } from "./table-restore/args";
