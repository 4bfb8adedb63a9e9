export type { PostgisConnection, PostgisConnectionArgs } from "./connection";
export { PostgisContainer, type PostgisContainerArgs } from "./postgis-container";
export { ArchiveFormat, TableBackup, type TableBackupArgs } from "./table-backup";
