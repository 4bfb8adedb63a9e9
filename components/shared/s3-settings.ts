import * as pulumi from "@pulumi/pulumi";
import type { ArgumentNames } from "./argument-names";
import { derived, wrongArgument } from "./check";
import { isS3Url } from "../../runner/request";
import type { S3Checksum } from "../../runner/request/choices";

/**
 * How an S3 server is reached. Credentials are no part of it: the AWS SDK finds them, such as in the environment of `pulumi
 * up`, and neither the state nor a log holds them.
 */
export interface S3SettingsArgs {
  /**
   * URL of a server that is not AWS, such as `https://minio.example.org`.
   * @default as the AWS SDK finds it, such as in AWS_ENDPOINT_URL_S3
   */
  endpoint?: pulumi.Input<string>;
  /**
   * Region of the bucket.
   * @default as the AWS SDK finds it, such as in AWS_REGION
   */
  region?: pulumi.Input<string>;
  /**
   * Puts the bucket's name in the path of the URL, as many servers that are not AWS need it.
   * @default false; in the host name
   */
  forcePathStyle?: pulumi.Input<boolean>;
  /**
   * Seconds that the server may be silent before a request is sent again, up to 3600.
   * @default 30
   */
  timeout?: pulumi.Input<number>;
  /**
   * Bytes per second that uploads may send, all together.
   * @default no limit
   */
  uploadLimit?: pulumi.Input<number>;
  /**
   * Writes each object on the condition that there is none of its name. With false, for a server that knows no conditions, this
   * looks before each write instead; runs that write a backup of the same name and time at the same instant can then damage it.
   * @default true
   */
  conditionalWrites?: pulumi.Input<boolean>;
  /**
   * Checksum by which the server compares the content of each request: `sha256`, `crc32`, or `md5`, which every S3 server
   * knows.
   * @default "sha256"
   */
  checksum?: pulumi.Input<S3Checksum>;
  /**
   * Parts that the server takes for one object, up to 10,000. Fewer parts are larger, and a run holds at least one in memory.
   * @default 10000
   */
  maxParts?: pulumi.Input<number>;
}

export const s3Names: ArgumentNames<S3SettingsArgs> = {
  endpoint: "string",
  region: "string",
  forcePathStyle: "boolean",
  timeout: "number",
  uploadLimit: "number",
  conditionalWrites: "boolean",
  checksum: "string",
  maxParts: "number",
};

/** Refuses settings of an S3 server where no backup goes to S3. */
export function refuseUnusedS3(
  {
    s3,
    repository,
    copies,
  }: {
    readonly s3?: pulumi.Input<S3SettingsArgs>;
    readonly repository: pulumi.Input<string>;
    readonly copies?: pulumi.Input<pulumi.Input<string>[]>;
  },
  resource: pulumi.Resource,
): void {
  if (s3 === undefined) return;
  void derived([repository, copies ?? []] as const, ([one, more]) => {
    if ([one, ...more].some(isS3Url)) return;
    const where = copies === undefined ? "repository is" : "repository and copies are";
    throw wrongArgument(`s3: has no effect, because ${where} not in S3`, resource);
  });
}
