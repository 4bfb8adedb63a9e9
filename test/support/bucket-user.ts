import { PutBucketPolicyCommand } from "@aws-sdk/client-s3";
import type { PolicyScope } from "../../components/backup-bucket/policies";
import type { TestBucket } from "./bucket";
import { environmentOfClient } from "./s3-server";

/** Somebody who may do in the bucket what one of the policies of `BackupBucket` allows; credentials, as the command line finds them. */
export async function userWith(
  { server, name }: TestBucket,
  policy: (scope: PolicyScope) => string,
): Promise<Record<string, string>> {
  const environment = await environmentOfClient(await server.ownerOf(name));
  const document = JSON.parse(policy({ arn: `arn:aws:s3:::${name}` })) as { Statement: object[] };
  const Principal = { AWS: environment["AWS_ACCESS_KEY_ID"] };
  const Statement = document.Statement.map((statement) => ({ ...statement, Principal }));
  await server.client.send(
    new PutBucketPolicyCommand({ Bucket: name, Policy: JSON.stringify({ ...document, Statement }) }),
  );
  return environment;
}
