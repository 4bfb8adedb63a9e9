import { z } from "zod";

/** Permissions of the files of a backup; its folders can be entered by whoever can read. */
export const FileMode = z.string().regex(/^0[0-7]{3}$/, 'must be octal, such as "0600" or "0640"');

/** A folder name that needs no quoting on any system and cannot leave its parent. */
export const BackupName = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$/,
    "must be letters, digits, '_', '.', '-', and start with a letter or digit",
  );

/** How an S3 server is spoken to. Credentials come from the default chain of the AWS SDK alone. */
export const S3Settings = z.strictObject({
  /** URL of a server that is not AWS. Unset: as the AWS SDK finds it, such as in AWS_ENDPOINT_URL_S3. */
  endpoint: z.url().optional(),
  /** Unset: as the AWS SDK finds it, such as in AWS_REGION. */
  region: z.string().min(1).optional(),
  /** Bucket in the path of the URL, instead of the host name. */
  forcePathStyle: z.boolean().default(false),
  /** Bytes per second that all uploads together may send. Unset: no limit. */
  uploadLimit: z.int().min(1).optional(),
});
export type S3Settings = z.infer<typeof S3Settings>;

/** Where backups are kept: a folder, or `s3://bucket/prefix`. */
export const Location = { directory: z.string().min(1), s3: S3Settings.optional() };
export type Location = z.infer<z.ZodObject<typeof Location>>;

/** A series of backups. */
export const Series = { ...Location, name: BackupName };

/** One backup of a series: an id, or `latest`. */
export const BackupId = z.string().min(1, "must be an id or latest");
