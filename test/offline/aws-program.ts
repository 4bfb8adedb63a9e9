import type { S3Server } from "../support/s3-server";

/** Start of a program: the AWS SDK, and options of a provider that talks to an S3 server which is not AWS. */
export function awsProvider(
  server: Pick<S3Server, "endpoint" | "region" | "accessKeyId" | "secretAccessKey">,
): string {
  const args = {
    region: server.region,
    accessKey: server.accessKeyId,
    secretKey: server.secretAccessKey,
    endpoints: [{ s3: server.endpoint }],
    s3UsePathStyle: true,
    skipCredentialsValidation: true,
    skipRequestingAccountId: true,
    skipMetadataApiCheck: true,
    maxRetries: 2,
  };
  return `const aws = require("@pulumi/aws");
    const opts = { provider: new aws.Provider("aws", ${JSON.stringify(args)}) };`;
}
