export { exportBackup, type ExportResult } from "./export";
export { copyBackup } from "./copy";
export { importBackup } from "./import";
