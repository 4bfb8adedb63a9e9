export { exportBackup, type ExportResult } from "./export";
export { writeNewFile } from "./new-file";
export { copyBackup } from "./copy";
export { importBackup } from "./import";
