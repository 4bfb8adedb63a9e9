import * as z from "zod";
import { BackupName, FileMode, InRepository, namesOneBackup, OneBackup } from "./repository";

/** A tar file, or `-` for standard output or input. */
const TarFile = z.string().min(1).default("-");

export const ExportRequest = z.strictObject({ ...OneBackup, file: TarFile }).superRefine(namesOneBackup);
export type ExportRequest = z.infer<typeof ExportRequest>;

export const ImportRequest = z.strictObject({
  ...InRepository,
  /** The name that the backup must have; any, if it is not given. */
  name: BackupName.optional(),
  file: TarFile,
  fileMode: FileMode.default("0600"),
});
export type ImportRequest = z.infer<typeof ImportRequest>;
