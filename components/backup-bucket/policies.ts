/** Access policies of a bucket, as JSON documents of IAM's policy language. */

interface Statement {
  readonly Sid: string;
  readonly Effect: "Allow" | "Deny";
  readonly Principal?: "*";
  readonly Action: string | readonly string[];
  readonly Resource: string | readonly string[];
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

/** What a policy for the runner is limited to. */
export interface PolicyScope {
  readonly arn: string;
  readonly prefix?: string | undefined;
  readonly kmsKeyArn?: string | undefined;
}

function policyDocument(statements: readonly Statement[]): string {
  return JSON.stringify({ Version: "2012-10-17", Statement: statements });
}

/** The policy of the bucket itself: nobody reads or writes over plain HTTP. */
export function transportPolicy(arn: string): string {
  return policyDocument([
    {
      Sid: "DenyInsecureTransport",
      Effect: "Deny",
      Principal: "*",
      Action: "s3:*",
      Resource: [arn, `${arn}/*`],
      Condition: { Bool: { "aws:SecureTransport": "false" } },
    },
  ]);
}

/** Writes backups and reads them back; deletes nothing. */
export function backupPolicy(scope: PolicyScope): string {
  return policyDocument([
    listing(scope),
    objects(scope, [
      "s3:PutObject",
      "s3:GetObject",
      "s3:AbortMultipartUpload",
      "s3:ListMultipartUploadParts",
    ]),
    // Of a multipart upload, KMS asks for both.
    ...key(scope, ["kms:GenerateDataKey", "kms:Decrypt"]),
  ]);
}

/** Reads manifests and deletes backups; where the bucket is versioned, not their versions. */
export function prunePolicy(scope: PolicyScope): string {
  return policyDocument([
    listing(scope),
    // Deleting a locked object would hide it and free nothing, so the runner checks for locks first.
    objects(scope, ["s3:GetObject", "s3:GetObjectRetention", "s3:GetObjectLegalHold", "s3:DeleteObject"]),
    ...key(scope, ["kms:Decrypt"]),
  ]);
}

/** Reads backups. */
export function restorePolicy(scope: PolicyScope): string {
  return policyDocument([listing(scope), objects(scope, ["s3:GetObject"]), ...key(scope, ["kms:Decrypt"])]);
}

function keysBelow(prefix: string | undefined): string {
  return prefix === undefined ? "*" : `${prefix.replace(/\/$/, "")}/*`;
}

function listing({ arn, prefix }: PolicyScope): Statement {
  const narrowed = { Condition: { StringLike: { "s3:prefix": keysBelow(prefix) } } };
  return {
    Sid: "ListBackups",
    Effect: "Allow",
    Action: "s3:ListBucket",
    Resource: arn,
    ...(prefix === undefined ? {} : narrowed),
  };
}

function objects({ arn, prefix }: PolicyScope, actions: readonly string[]): Statement {
  return { Sid: "Backups", Effect: "Allow", Action: actions, Resource: `${arn}/${keysBelow(prefix)}` };
}

/** Allows the key only for requests through S3, so that nothing else can be encrypted or decrypted with it. */
function key({ kmsKeyArn }: PolicyScope, actions: readonly string[]): Statement[] {
  if (kmsKeyArn === undefined) return [];
  const Condition = { StringLike: { "kms:ViaService": "s3.*" } };
  return [{ Sid: "BackupKey", Effect: "Allow", Action: actions, Resource: kmsKeyArn, Condition }];
}
