import { z } from "zod";
import { BackupId, BackupName, Location, Series } from "./series";

export const ListRequest = z.strictObject({ ...Location, name: BackupName.optional() });
export type ListRequest = z.infer<typeof ListRequest>;

export const PresentRequest = z.strictObject({ ...Series, backup: BackupId });
export type PresentRequest = z.infer<typeof PresentRequest>;

export const PresentResult = z.strictObject({ present: z.boolean() });
