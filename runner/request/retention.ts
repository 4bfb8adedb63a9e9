import * as z from "zod";
import { Duration } from "./duration";
import { BackupsOfName, namesOneBackup, OneBackup } from "./repository";

const count = z.int().min(1).optional();

/** Which backups of a name are kept: the newest ones, and the newest of each of the last days, weeks … that have one. */
export const Retention = z.strictObject({
  keepLast: count,
  keepDaily: count,
  keepWeekly: count,
  keepMonthly: count,
  keepYearly: count,
  /** All that are at most this much older than the newest one. */
  keepWithin: Duration.optional(),
  /** Nothing is removed if the newest backup is smaller than this share of the one before. */
  minSizeRatio: z.number().gt(0).max(1).optional(),
});
export type Retention = z.infer<typeof Retention>;

export const PruneRequest = z.strictObject({
  ...BackupsOfName,
  retention: Retention.default({}),
  /** Only say what would be removed. */
  dryRun: z.boolean().default(false),
});
export type PruneRequest = z.infer<typeof PruneRequest>;

export const KeepRequest = z
  .strictObject({
    ...OneBackup,
    /** Take the mark away. */
    release: z.boolean().default(false),
  })
  .superRefine(namesOneBackup)
  .refine(({ location, backup }) => location !== undefined || backup !== undefined, {
    path: ["backup"],
    message: "must be given",
  });
export type KeepRequest = z.infer<typeof KeepRequest>;
