/**
 * What later verifications of a backup found: the last one of each level, in a file beside the backup's own, which never change. It
 * is information, and no proof: whoever can write there can write anything. `schema/verification.schema.json` is made from this file.
 */
import * as z from "zod";
import { Failure } from "../lib/failure";
import { parseInWords, type VerifyLevel } from "../request";
import { readWhole } from "./checksums";
import type { BackupFiles } from "./files";
import { verificationFile, type VerificationLevel, verificationLevels } from "./layout";

const describe = <T extends z.ZodType>(schema: T, description: string) => schema.meta({ description });

export const Verification = z
  .strictObject({
    recordVersion: z.literal(1),
    level: describe(
      z.enum(verificationLevels),
      "archive: the files were read back, and the archive to its end; restore: it was restored in a throwaway container too.",
    ),
    finishedAt: z.iso.datetime(),
    seconds: z.number(),
    image: describe(z.string().optional(), "Image of the throwaway container that it was restored in."),
    error: describe(
      z.strictObject({ code: z.string(), message: z.string() }).optional(),
      "What is wrong with the backup. Absent where nothing is.",
    ),
  })
  .meta({ title: "What a verification of a postgis-backup backup found" });
export type Verification = z.infer<typeof Verification>;

export type FailedVerification = Verification & Required<Pick<Verification, "error">>;

export function verificationText(verification: Verification): string {
  return `${JSON.stringify(verification, null, 2)}\n`;
}

/** Larger ones were not written by this program. */
const mostBytes = 1 << 20;

/** The last verification of each level, the newest last. */
export async function readVerifications(
  files: BackupFiles,
  stored: readonly { readonly path: string; readonly bytes: number }[],
): Promise<Verification[]> {
  const found: Verification[] = [];
  for (const level of verificationLevels) {
    const file = stored.find(({ path }) => path === verificationFile(level));
    if (file !== undefined) found.push((await readOne(files, file)) ?? unreadable(level));
  }
  return found.sort((one, other) => time(one) - time(other));
}

async function readOne(
  files: BackupFiles,
  { path, bytes }: { readonly path: string; readonly bytes: number },
): Promise<Verification | undefined> {
  if (bytes > mostBytes) return undefined;
  try {
    const source = await readWhole(files.read(path));
    return parseInWords(Verification, JSON.parse(source.toString())).data;
  } catch (error) {
    // An S3 server that does not answer is no damage: the caller has to know.
    const isBroken =
      error instanceof SyntaxError ||
      (error instanceof Failure && /^(checksum-mismatch|folder-not-readable)$/.test(error.code));
    if (isBroken) return undefined;
    throw error;
  }
}

/** It may have said that the backup is damaged, so it counts as if it did. */
function unreadable(level: VerificationLevel): FailedVerification {
  return {
    recordVersion: 1,
    level,
    finishedAt: new Date(0).toISOString(),
    seconds: 0,
    error: {
      code: "manifest-unreadable",
      message: `${verificationFile(level)} cannot be read, so nobody knows what was found. Verify the backup again.`,
    },
  };
}

/** The newest failure, unless a later verification of the same or a higher level found nothing wrong. */
export function standingFailure(verifications: readonly Verification[]): FailedVerification | undefined {
  const isRefuted = (failed: Verification) =>
    verifications.some(
      ({ error, level, ...other }) =>
        error === undefined &&
        verificationLevels.indexOf(level) >= verificationLevels.indexOf(failed.level) &&
        time(other) > time(failed),
    );
  return verifications.filter(hasFailed).findLast((failed) => !isRefuted(failed));
}

function hasFailed(verification: Verification): verification is FailedVerification {
  return verification.error !== undefined;
}

function time({ finishedAt }: Pick<Verification, "finishedAt">): number {
  return Date.parse(finishedAt);
}

/** Whether a verification of one level proves what another level asks for. */
export function hasPassed(level: VerifyLevel, asked: VerificationLevel): boolean {
  const levels: readonly string[] = verificationLevels;
  return levels.indexOf(level) >= levels.indexOf(asked);
}
