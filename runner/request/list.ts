import { z } from "zod";
import { Duration } from "./duration";
import { BackupName, InRepository, namesOneBackup, OneBackup } from "./repository";

export const ListRequest = z.strictObject({
  ...InRepository,
  name: BackupName.optional(),
  /** The newest good backup of each name and database must not be older. */
  maxAge: Duration.optional(),
});
export type ListRequest = z.infer<typeof ListRequest>;

export const PresentRequest = z.strictObject(OneBackup).superRefine(namesOneBackup);
export type PresentRequest = z.infer<typeof PresentRequest>;

export const PresentResult = z.strictObject({ present: z.boolean() });
