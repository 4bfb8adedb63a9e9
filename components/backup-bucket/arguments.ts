import { z } from "zod";
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

/** Each argument of a BackupBucket by itself. */
export const BucketArguments = z.object({
  bucketName: BucketName.optional(),
  existingBucket: BucketName.optional(),
  partition: z.enum(["aws", "aws-cn", "aws-us-gov"]).optional(),
  prefix: Prefix.optional(),
  kmsKeyArn: KeyArn.optional(),
  abortIncompleteUploadsDays: Days.optional(),
  expireNoncurrentDays: Days.optional(),
  transitionDays: Days.optional(),
  transitionStorageClass: z.enum(TransitionStorageClass).optional(),
  objectLockDays: Days.max(36500, "must be at most 36500 days").optional(),
  objectLockMode: z.enum(ObjectLockMode).optional(),
  withoutProtections: z.array(z.enum(BucketProtection)).optional(),
});

const givenWithExisting: readonly (keyof BackupBucketArgs)[] = [
  "existingBucket",
  "prefix",
  "kmsKeyArn",
  "partition",
];

/** Arguments that an argument stands for nothing without. */
const needs: readonly (readonly [keyof BackupBucketArgs, keyof BackupBucketArgs])[] = [
  ["partition", "existingBucket"],
  ["transitionStorageClass", "transitionDays"],
  ["objectLockMode", "objectLockDays"],
];

/** Arguments that cannot be had without a protection. */
const needsProtection: readonly (readonly [keyof BackupBucketArgs, BucketProtection])[] = [
  ["kmsKeyArn", "encryption"],
  ["abortIncompleteUploadsDays", "lifecycle"],
  ["expireNoncurrentDays", "lifecycle"],
  ["transitionDays", "lifecycle"],
  ["expireNoncurrentDays", "versioning"],
  ["objectLockDays", "versioning"],
];

/** Why arguments do not go together: the first that is wrong, and the reason. */
export function conflict(
  args: BackupBucketArgs,
): { readonly property: string; readonly reason: string } | undefined {
  const given = (property: keyof BackupBucketArgs) => args[property] !== undefined;
  if (given("existingBucket")) {
    const extra = Object.keys(args).find(
      (property) =>
        given(property as keyof BackupBucketArgs) &&
        !givenWithExisting.includes(property as keyof BackupBucketArgs),
    );
    if (extra !== undefined)
      return { property: extra, reason: "cannot be given with existingBucket, which is not changed" };
  }
  const alone = needs.find(([property, other]) => given(property) && !given(other));
  if (alone !== undefined) return { property: alone[0], reason: `has no effect without ${alone[1]}` };
  const unprotected = needsProtection.find(
    ([property, protection]) => given(property) && args.withoutProtections?.includes(protection),
  );
  if (unprotected !== undefined) {
    const [property, protection] = unprotected;
    return { property, reason: `needs ${protection}, which withoutProtections leaves out` };
  }
  const early = args.transitionStorageClass ?? TransitionStorageClass.StandardIa;
  const infrequent =
    early === TransitionStorageClass.StandardIa || early === TransitionStorageClass.OneZoneIa;
  if (infrequent && typeof args.transitionDays === "number" && args.transitionDays < 30)
    return { property: "transitionDays", reason: `must be at least 30 for ${early}` };
  return undefined;
}
