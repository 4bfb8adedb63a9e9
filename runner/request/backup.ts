import { z } from "zod";
import { isBucketLocation } from "./location";
import { ArchiveFormat, MissingReferences, NotCarried, VerifyLevel } from "./choices";
import { Retention } from "./retention";
import { FileMode, Series } from "./series";
import { Jobs, LockTimeout, Server, SplitTablesFrom } from "./server";

/** `METHOD` or `METHOD:LEVEL`, as `pg_dump --compress` takes it from version 16 on. */
const Compression = z
  .string()
  .regex(
    /^(none|(zstd|gzip|lz4)(:\d{1,2})?)$/,
    'must be "none", "zstd", "gzip" or "lz4", with an optional level such as "zstd:1"',
  );

export const BackupRequest = z
  .strictObject({
    ...Server,
    tables: z.array(z.string().min(1)).min(1, "must name at least one table"),
    excludeTables: z.array(z.string().min(1)).default([]),
    ...Series,
    /** Bucket that the backup goes to from its folder, once it is complete and verified. */
    uploadTo: z.string().refine(isBucketLocation, "must be a bucket, as s3://bucket/prefix").optional(),
    /** Keep the folder's copy after the upload. */
    keepLocal: z.boolean().default(true),
    /** Unset: directory, or custom where the backup goes straight into a bucket. */
    format: z.enum(ArchiveFormat).optional(),
    /** Parallel `pg_dump` workers; only the directory format uses more than one. */
    jobs: Jobs,
    /** Only where there are at least three workers. */
    splitTablesFrom: SplitTablesFrom,
    compression: Compression.optional(),
    missingReferences: z.enum(MissingReferences).default("fail"),
    /** Content that may be left out. */
    accept: z.array(z.enum(NotCarried)).default([]),
    /** Foreign keys that the database does not declare, as `child.column -> parent.column`; their orphans are counted. */
    logicalForeignKeys: z.array(z.string().min(1)).default([]),
    /** More orphans of any logical foreign key than this fail the backup. */
    maxOrphans: z.int().min(0).optional(),
    lockTimeout: LockTimeout,
    verify: z.enum(VerifyLevel).default("archive"),
    retention: Retention.default({}),
    fileMode: FileMode.default("0600"),
    /** Only look for what would keep the backup from being taken. */
    dryRun: z.boolean().default(false),
  })
  .refine(({ directory, format }) => format !== "directory" || !isBucketLocation(directory), {
    path: ["format"],
    message:
      'cannot be "directory" where the backup goes straight into a bucket, for it is many files: take "custom" or "plain", ' +
      "or name a folder as the directory and the bucket as uploadTo",
  })
  .refine(({ directory, uploadTo }) => uploadTo === undefined || !isBucketLocation(directory), {
    path: ["uploadTo"],
    message: "has no effect where the directory is a bucket",
  })
  .refine(({ uploadTo, keepLocal }) => keepLocal || uploadTo !== undefined, {
    path: ["keepLocal"],
    message: "cannot be false without uploadTo: there would be no backup",
  });
export type BackupRequest = z.infer<typeof BackupRequest>;
export type BackupRequestInput = z.input<typeof BackupRequest>;

/** Kept under 4 KB, because the engine stores it in the stack's state as a command's standard output. */
export const BackupResult = z.strictObject({
  backupId: z.string(),
  /** A folder's absolute path, or a URL. */
  location: z.string(),
  /** Its path or URL. */
  manifest: z.string(),
  /** Folder of the copy on this machine, where the backup went to a bucket from a folder and that was to be kept. */
  localLocation: z.string().optional(),
  /** Of the manifest, and of as many other files as fit, by their paths; where the bucket keeps versions. */
  versionIds: z.record(z.string(), z.string()).optional(),
  createdAt: z.iso.datetime(),
  sizeBytes: z.int(),
  tables: z.array(z.string()),
  restoreCommand: z.string(),
  verification: z.strictObject({
    level: z.enum(VerifyLevel),
    seconds: z.number(),
    image: z.string().optional(),
  }),
  /** Ids of earlier backups that retention removed. */
  pruned: z.array(z.string()),
  /** Why retention removed nothing though it should have; a reason to look. */
  alarm: z.string().optional(),
});
export type BackupResult = z.infer<typeof BackupResult>;

/** Answer to a request with `dryRun`. */
export const BackupCheck = z.strictObject({
  tables: z.array(z.string()),
  tableCount: z.int(),
  databaseBytes: z.int(),
  estimatedBytes: z.int(),
});
export type BackupCheck = z.infer<typeof BackupCheck>;
