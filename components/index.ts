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
export { type MigrationArgs, OldServer } from "./migration/args";
export { PostgisContainer } from "./postgis-container/index";
export type { PostgisContainerArgs } from "./postgis-container/args";
export type { S3SettingsArgs } from "./shared/s3-settings";
export { TableBackup, type Verification } from "./table-backup/index";
export type { RetentionArgs, TableBackupArgs } from "./table-backup/args";
export { TableRestore } from "./table-restore/index";
export type { TableRestoreArgs } from "./table-restore/args";
export {
  ArchiveFormat,
  IfExists,
  MissingReferences,
  MissingRoles,
  NotCarried,
  RestoreContent,
  VerifyLevel,
} from "../runner/request";
