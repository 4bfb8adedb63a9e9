import { z } from "zod";
import { isBucketLocation } from "./location";
import { ArchiveFormat, VerifyLevel } from "./archive";
import { Compression } from "./compression";
import { MinSizeRatio, retentionRules } from "./retention";
import { FileMode, Series } from "./series";
import { Jobs, LockTimeout, Server, SplitTablesFrom } from "./server";

/** What happens when a selected table cannot be restored without one that is not selected. */
export const References = z.enum(["fail", "add", "accept"]);
export type References = z.infer<typeof References>;

/** Content that belongs to tables, is in no dump of them, and that a backup is taken without only where it is accepted. */
export const NotCarried = z.enum(["large-objects", "raster-files", "topologies", "extension-rows"]);
export type NotCarried = z.infer<typeof NotCarried>;

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
    format: ArchiveFormat.optional(),
    /** Parallel `pg_dump` workers; only the directory format uses more than one. */
    jobs: Jobs,
    /** Only where there are at least three workers. */
    splitTablesFrom: SplitTablesFrom,
    compression: Compression.optional(),
    /** Tables that a foreign key refers to or that a selected one inherits from, but that are not selected. */
    references: References.default("fail"),
    /** Content that may be left out. */
    accept: z.array(NotCarried).default([]),
    /** Relations that no foreign key declares, as `child.column -> parent.column`; orphans are counted. */
    relations: z.array(z.string().min(1)).default([]),
    /** More orphans than this in any relation fail the backup. */
    maxOrphans: z.int().min(0).optional(),
    lockTimeout: LockTimeout,
    verify: VerifyLevel.default("archive"),
    ...retentionRules,
    minSizeRatio: MinSizeRatio,
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
  verification: z.strictObject({ level: VerifyLevel, seconds: z.number(), image: z.string().optional() }),
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
