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
  /** Seconds that the server may be silent, with no byte moving either way, before a request is sent again. Unset: 30. */
  timeout: z.number().positive().max(3600).optional(),
  /** Bytes per second that all uploads together may send. Unset: no limit. */
  uploadLimit: z.int().min(1).optional(),
});
export type S3Settings = z.infer<typeof S3Settings>;

/** In a path or a name, these are mistakes, and would change what a message or a command says. */
const unsafe = /[\x00-\x1f\x7f-\x9f\u2028\u2029\ufffd]/;

/** Refused before anything, and shown so that it does no harm. */
export const withoutControls = z.string().superRefine((text, context) => {
  if (!unsafe.test(text)) return;
  const shown = JSON.stringify(text).replaceAll(
    /[\x7f-\x9f\u2028\u2029\ufffd]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  context.addIssue(`must not contain a line break or another control character, and must be UTF-8: ${shown}`);
});

const SafePath = withoutControls.min(1);

/** Where backups are kept: a folder, or `s3://bucket/prefix`. */
export const Location = { directory: SafePath, s3: S3Settings.optional() };
export type Location = z.infer<z.ZodObject<typeof Location>>;

/** A series of backups. */
export const Series = { ...Location, name: BackupName };

/** One backup of a series: an id, or `latest`. */
export const BackupId = z.string().min(1, "must be an id or latest");
