import { z } from "zod";
import { BackupId, BackupName, FileMode, Location, Series } from "./series";

/** A tar file, or `-` for standard output or input. */
const TarFile = z.string().min(1).default("-");

export const ExportRequest = z.strictObject({
  ...Series,
  backup: BackupId.default("latest"),
  file: TarFile,
});
export type ExportRequest = z.infer<typeof ExportRequest>;

export const ImportRequest = z.strictObject({
  ...Location,
  /** The series that the backup must be of; any, if it is not given. */
  name: BackupName.optional(),
  file: TarFile,
  fileMode: FileMode.default("0600"),
});
export type ImportRequest = z.infer<typeof ImportRequest>;
