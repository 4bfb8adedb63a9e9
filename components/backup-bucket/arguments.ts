import { z } from "zod";
import { Switch } from "../shared/check";
import { type BackupBucketArgs, BucketProtection, ObjectLockMode, TransitionStorageClass } from "./args";

/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html */
const BucketName = z
  .string()
  .regex(
    /^(?!.*\.\.)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/,
    "must be 3 to 63 lower-case letters, digits, dots and hyphens, with a letter or digit at both ends",
  );

/** AWS rounds days up to the next midnight UTC and takes no other unit. */
const Days = z.int("must be a whole number of days").min(1, "must be at least 1 day");

/** Only characters that mean nothing else in a key, a URL or the resource of a policy. */
const Prefix = z
  .string()
  .regex(
    /^[A-Za-z0-9!_.'()-]+(\/[A-Za-z0-9!_.'()-]+)*\/?$/,
    "must be names between slashes, without a slash at the start, made of letters, digits and ! _ . ' ( ) -",
  );

const KeyArn = z
  .string()
  .regex(
    /^arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key\/[A-Za-z0-9-]+$/,
    "must be the ARN of a KMS key (arn:aws:kms:…:key/…), not an alias or an id, which access policies cannot name",
  );

/** STANDARD_IA and ONEZONE_IA take objects only after 30 days. */
const infrequent: readonly (string | undefined)[] = [
  undefined,
  TransitionStorageClass.StandardIa,
  TransitionStorageClass.OneZoneIa,
];

/** Each argument of a BackupBucket by itself. */
export const BucketArguments = z.object({
  bucketName: BucketName.optional(),
  existingBucket: z
    .object({ name: BucketName, partition: z.enum(["aws", "aws-cn", "aws-us-gov"]).optional() })
    .optional(),
  prefix: Prefix.optional(),
  kmsKeyArn: KeyArn.optional(),
  abortIncompleteUploadsDays: Days.optional(),
  expireNoncurrentDays: Days.optional(),
  transition: z
    .object({ days: Days, storageClass: z.enum(TransitionStorageClass).optional() })
    .refine(({ days, storageClass }) => days >= 30 || !infrequent.includes(storageClass), {
      path: ["days"],
      error: ({ input }) => {
        const { storageClass = TransitionStorageClass.StandardIa } = input as { storageClass?: string };
        return `must be at least 30 for ${storageClass}`;
      },
    })
    .optional(),
  objectLock: z
    .object({ days: Days.max(36500, "must be at most 36500 days"), mode: z.enum(ObjectLockMode).optional() })
    .optional(),
  keepBucket: Switch,
  withoutProtections: z.array(z.enum(BucketProtection)).optional(),
});

const givenWithExisting: readonly string[] = ["existingBucket", "prefix", "kmsKeyArn"];

/** Arguments that need a protection. */
const needsProtection: readonly (readonly [keyof BackupBucketArgs, BucketProtection])[] = [
  ["kmsKeyArn", "encryption"],
  ["abortIncompleteUploadsDays", "lifecycle"],
  ["expireNoncurrentDays", "lifecycle"],
  ["transition", "lifecycle"],
  ["expireNoncurrentDays", "versioning"],
  ["objectLock", "versioning"],
];

/** Why arguments contradict each other: the first wrong one, and the reason. */
export function conflict(
  args: BackupBucketArgs,
): { readonly property: string; readonly reason: string } | undefined {
  const given = Object.entries(args).flatMap(([name, value]) => (value === undefined ? [] : [name]));
  const extra = given.find((property) => !givenWithExisting.includes(property));
  if (args.existingBucket !== undefined && extra !== undefined)
    return { property: extra, reason: "cannot be given with existingBucket, which is not changed" };
  const unprotected = needsProtection.find(
    ([property, protection]) => given.includes(property) && args.withoutProtections?.includes(protection),
  );
  if (unprotected === undefined) return undefined;
  const [property, protection] = unprotected;
  return { property, reason: `needs ${protection}, which withoutProtections leaves out` };
}
