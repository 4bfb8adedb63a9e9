export { exportBackup, type ExportResult } from "./export";
export { copyFilesTo, sealIn } from "./copy";
export { importBackup } from "./import";
