import * as z from "zod";
import { Failure } from "../lib/failure";
import { S3Checksum } from "./choices";
import { backupNamePattern, type BackupReference, parseBackupLocation, parseRepository } from "./location";

/** Permissions of the files of a backup; its folders can be entered by whoever can read. */
export const FileMode = z.string().regex(/^0[0-7]{3}$/, 'must be octal, such as "0600" or "0640"');

export const BackupName = z
  .string()
  .regex(backupNamePattern, "must be letters, digits, '_', '.', '-', and start with a letter or digit");

/** How an S3 server is reached. Credentials come only from the default chain of the AWS SDK. */
export const S3Settings = z.strictObject({
  /** URL of a server that is not AWS. Unset: as the AWS SDK finds it, such as in AWS_ENDPOINT_URL_S3. */
  endpoint: z.url("must be a URL, such as https://s3.example.com").optional(),
  /** Unset: as the AWS SDK finds it, such as in AWS_REGION. */
  region: z.string().min(1).optional(),
  /** Bucket in the path of the URL, instead of the host name. */
  forcePathStyle: z.boolean().default(false),
  /** Seconds that the server may be silent, with no byte moving either way, before a request is sent again. Unset: 30. */
  timeout: z.number().positive().max(3600).optional(),
  /** Bytes per second that all uploads together may send. Unset: no limit. */
  uploadLimit: z.int().min(1).optional(),
  /** Write objects on the condition that there is none of that name. Unset: true. */
  conditionalWrites: z.boolean().optional(),
  /** By what the server compares the content that it gets. Unset: sha256. */
  checksum: z.enum(S3Checksum).optional(),
  /** Parts that the server takes for one object. Unset: 10,000. */
  maxParts: z.int().min(1).max(10_000).optional(),
});
export type S3Settings = z.infer<typeof S3Settings>;

/** Control characters in a path or a name are mistakes, and would change what a message or a command says. */
const unsafe = /[\x00-\x1f\x7f-\x9f\u2028\u2029\ufffd]/;

/** Refuses control characters first, and shows them escaped, so that they do no harm in the message. */
export const withoutControls = z.string().superRefine((text, context) => {
  if (!unsafe.test(text)) return;
  const shown = JSON.stringify(text).replaceAll(
    /[\x7f-\x9f\u2028\u2029\ufffd]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  context.addIssue(`must not contain a line break or another control character, and must be UTF-8: ${shown}`);
});

/** A folder of this machine. */
export const FolderPath = withoutControls.min(1);

/** Checks a text with a function of this program, and reports its failure at the text. */
const parsedBy = (parse: (text: string) => unknown) =>
  FolderPath.superRefine((text, context) => {
    try {
      parse(text);
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      context.addIssue(error.message);
    }
  });

/** Where backups are kept: a folder, or `s3://bucket/prefix`. */
export const Repository = parsedBy(parseRepository);

/** A repository, and how its S3 server is reached. */
export const InRepository = { repository: Repository, s3: S3Settings.optional() };

/** The backups of one name in a repository. */
export const BackupsOfName = { ...InRepository, name: BackupName };

/** One backup: an id, or `latest`. */
export const BackupId = z.string().min(1, "must be an id or latest");

/** One backup, by its location, or by its repository, name and id; to be completed by {@link namesOneBackup}. */
export const OneBackup = {
  location: parsedBy(parseBackupLocation).optional(),
  repository: Repository.optional(),
  name: BackupName.optional(),
  backup: BackupId.optional(),
  s3: S3Settings.optional(),
};
export type OneBackup = z.infer<z.ZodObject<typeof OneBackup>>;

/** Reports what is missing or given twice. */
export function namesOneBackup(request: OneBackup, context: z.core.$RefinementCtx): void {
  const { location, repository, name, backup } = request;
  const given = Object.entries({ repository, name, backup }).filter(([, value]) => value !== undefined);
  if (location === undefined) {
    for (const property of ["repository", "name"] as const)
      if (request[property] === undefined)
        context.addIssue({
          code: "custom",
          path: [property],
          message: "must be given, or else the location of the backup",
        });
  } else if (given.length > 0) {
    const others = given.map(([property]) => property).join(" and ");
    context.addIssue({
      code: "custom",
      path: ["location"],
      message: `says which backup it is: leave out ${others}, or name the backup by its id alone`,
    });
  }
}

/** The backup that a request names; the latest where it names no id. */
export function referenceOf({ location, repository, name, backup }: OneBackup): BackupReference {
  if (location !== undefined) return parseBackupLocation(location);
  if (repository === undefined || name === undefined) throw new Error("the request names no backup");
  return { repository, name, backup: backup ?? "latest" };
}
