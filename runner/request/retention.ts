import { z } from "zod";
import { BackupsOfName, namesOneBackup, OneBackup } from "./repository";

const count = z.int().min(1).optional();

/** Which backups of a name are kept: the newest, and the newest of each of the last days, weeks … that have one. */
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
  ...BackupsOfName,
  ...retentionRules,
  minSizeRatio: MinSizeRatio,
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
