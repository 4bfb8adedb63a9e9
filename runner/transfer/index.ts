export { exportBackup, type ExportResult } from "./export";
export { importBackup } from "./import";
