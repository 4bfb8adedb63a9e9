export type { PostgisConnection, PostgisConnectionArgs } from "./connection";
export { PostgisContainer } from "./postgis-container";
export type { PostgisContainerArgs } from "./postgis-container-args";
export { ArchiveFormat, TableBackup, type TableBackupArgs } from "./table-backup";
