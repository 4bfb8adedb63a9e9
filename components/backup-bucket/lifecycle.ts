import type { input } from "@pulumi/aws/types";
import { type BackupBucketArgs, TransitionStorageClass } from "./args";

type Rule = input.s3.BucketLifecycleConfigurationRule;

/** Rules for all keys; the filter is empty because S3 wants one in each. */
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
        // Else the mark of a deleted object stays when the last of its versions is gone.
        expiration: { expiredObjectDeleteMarker: true },
      }),
    );
  }
  if (args.transitionDays !== undefined) {
    const storageClass = args.transitionStorageClass ?? TransitionStorageClass.StandardIa;
    rules.push(rule("transition", { transitions: [{ days: args.transitionDays, storageClass }] }));
  }
  return rules;
}
