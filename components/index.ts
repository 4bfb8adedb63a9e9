export {
  ArchiveFormat,
  Connections,
  Globals,
  IfExists,
  MissingReferences,
  MissingRoles,
  NotCarried,
  RestoreContent,
  S3Checksum,
  TableTriggers,
  VerifyLevel,
} from "../runner/request/choices";
export {
  type AgentHookArgs,
  type AgentJobArgs,
  AgentMode,
  type AgentNotifyArgs,
  type AgentRetryArgs,
  type AgentSmtpArgs,
  type AgentSourceArgs,
  type BackupAgentArgs,
  type S3CredentialsArgs,
} from "./backup-agent/args";
export { BackupAgent } from "./backup-agent/index";
export {
  type BackupBucketArgs,
  BucketProtection,
  type ExistingBucketArgs,
  type ObjectLockArgs,
  ObjectLockMode,
  type TransitionArgs,
  TransitionStorageClass,
} from "./backup-bucket/args";
export { BackupBucket } from "./backup-bucket/index";
export type { BucketProtections } from "./backup-bucket/protections";
export type { DatabaseBackupArgs } from "./database-backup/args";
export { DatabaseBackup } from "./database-backup/index";
export type { DatabaseRestoreArgs } from "./database-restore/args";
export { DatabaseRestore } from "./database-restore/index";
export { type MigrationArgs, OldServer } from "./migration/args";
export { Migration } from "./migration/index";
export type { PostgisContainerArgs } from "./postgis-container/args";
export { PostgisContainer } from "./postgis-container/index";
export type { RetentionArgs } from "./shared/backup/args";
export type { BackupCopy, Verification } from "./shared/backup/take-backup";
export type { PostgisConnection, PostgisConnectionArgs } from "./shared/connection";
export type { S3SettingsArgs } from "./shared/s3-settings";
export { settings } from "./shared/settings";
export type { TableBackupArgs } from "./table-backup/args";
export { TableBackup } from "./table-backup/index";
export type { TableRestoreArgs } from "./table-restore/args";
export { TableRestore } from "./table-restore/index";
