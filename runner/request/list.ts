import { z } from "zod";
import { BackupName, Location } from "./series";

export const ListRequest = z.strictObject({ ...Location, name: BackupName.optional() });
export type ListRequest = z.infer<typeof ListRequest>;
