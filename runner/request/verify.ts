import * as z from "zod";
import { VerifyLevel } from "./choices";
import { namesOneBackup, OneBackup } from "./repository";
import { Server } from "./server";

export const VerifyRequest = z
  .strictObject({
    ...OneBackup,
    /** Every backup of that name. */
    all: z.boolean().default(false),
    level: z.enum(VerifyLevel).exclude(["None"]).default("archive"),
    /** Image of the throwaway container. Unset: the one that the backup was taken with. */
    image: z.string().min(1).optional(),
    dockerHost: Server.dockerHost,
  })
  .superRefine(namesOneBackup);
export type VerifyRequest = z.infer<typeof VerifyRequest>;

export const VerifyResult = z.strictObject({
  backups: z.array(
    z.strictObject({
      backupId: z.string(),
      location: z.string(),
      level: z.enum(VerifyLevel),
      seconds: z.number(),
      image: z.string().optional(),
      /** Whether this is recorded beside the backup, where `list` reads it. */
      recorded: z.boolean(),
      /** What is wrong with it, or why it could not be verified; absent where nothing is wrong. */
      error: z.strictObject({ code: z.string(), message: z.string() }).optional(),
    }),
  ),
});
export type VerifyResult = z.infer<typeof VerifyResult>;
