import type * as pulumi from "@pulumi/pulumi";

/**
 * How an S3 server is spoken to. Credentials are no part of it: they are found where the AWS SDK finds them, such as in the
 * environment of `pulumi up`, and get neither into the state nor into a log.
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
   * Names the bucket in the path of the URL, as many servers that are not AWS want it.
   * @default false; in the host name
   */
  forcePathStyle?: pulumi.Input<boolean>;
}
