import type { input } from "@pulumi/aws/types";
import { type BackupBucketArgs, TransitionStorageClass } from "./args";

type Rule = input.s3.BucketLifecycleConfigurationRule;

/** Rules for all keys. The filter is empty because S3 requires one in each. */
export function lifecycleRules(args: BackupBucketArgs): Rule[] {
  const rule = (id: string, actions: Partial<Rule>): Rule => ({
    id,
    status: "Enabled",
    filter: {},
    ...actions,
  });
  const rules = [
    rule("abort-incomplete-uploads", {
      abortIncompleteMultipartUpload: { daysAfterInitiation: args.abortIncompleteUploadsDays ?? 7 },
    }),
  ];
  if (args.expireNoncurrentDays !== undefined) {
    rules.push(
      rule("expire-noncurrent-versions", {
        noncurrentVersionExpiration: { noncurrentDays: args.expireNoncurrentDays },
        // Otherwise the delete marker of an object stays after its last version is gone.
        expiration: { expiredObjectDeleteMarker: true },
      }),
    );
  }
  if (args.transition !== undefined) {
    const { days, storageClass = TransitionStorageClass.StandardIa } = args.transition;
    rules.push(rule("transition", { transitions: [{ days, storageClass }] }));
  }
  return rules;
}
