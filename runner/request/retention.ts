import { z } from "zod";
import { BackupId, Series } from "./series";

const count = z.int().min(1).optional();

/** Which backups of a series are kept: the newest, and the newest of each of the last days, weeks … that have one. */
export const retentionRules = {
  keepLast: count,
  keepDaily: count,
  keepWeekly: count,
  keepMonthly: count,
  keepYearly: count,
};
export const Retention = z.object(retentionRules);
export type Retention = z.infer<typeof Retention>;

/** Share of the last backup's size under which a new one is suspicious. */
export const MinSizeRatio = z.number().gt(0).max(1).optional();

export const PruneRequest = z.strictObject({
  ...Series,
  ...retentionRules,
  minSizeRatio: MinSizeRatio,
  /** Only say what would be removed. */
  dryRun: z.boolean().default(false),
});
export type PruneRequest = z.infer<typeof PruneRequest>;

export const KeepRequest = z.strictObject({
  ...Series,
  backup: BackupId,
  /** Take the mark away. */
  remove: z.boolean().default(false),
});
export type KeepRequest = z.infer<typeof KeepRequest>;
