/**
 * What the control plane (components) and people (the command line) ask of the runner, and what it answers.
 * Both sides import these schemas; nothing else crosses the border between them.
 */
import { z } from "zod";
import { isBucketLocation } from "./store/bucket/location";

/** Formats of `pg_dump` that stock tools restore: https://www.postgresql.org/docs/current/app-pgdump.html */
export const ArchiveFormat = z.enum(["directory", "custom", "plain"]);
export type ArchiveFormat = z.infer<typeof ArchiveFormat>;

/** `METHOD` or `METHOD:LEVEL`, as `pg_dump --compress` takes it from version 16 on. */
export const Compression = z
  .string()
  .regex(
    /^(none|(zstd|gzip|lz4)(:\d{1,2})?)$/,
    'must be "none", "zstd", "gzip" or "lz4", with an optional level such as "zstd:1"',
  );

/** How much is done to prove that an archive can be restored. */
export const VerifyLevel = z.enum(["none", "archive", "restore"]);
export type VerifyLevel = z.infer<typeof VerifyLevel>;

/** What happens when a selected table cannot be restored without one that is not selected. */
export const References = z.enum(["fail", "add", "accept"]);
export type References = z.infer<typeof References>;

const count = z.int().min(1).optional();

/** Which backups of a series are kept: the newest, and the newest of each of the last days, weeks … that have one. */
export const retentionRules = {
  keepLast: count,
  keepDaily: count,
  keepWeekly: count,
  keepMonthly: count,
  keepYearly: count,
};
export const Retention = z.object(retentionRules);
export type Retention = z.infer<typeof Retention>;

/** Share of the last backup's size under which a new one is suspicious. */
const MinSizeRatio = z.number().gt(0).max(1).optional();

/** Permissions of the files of a backup; its folders can be entered by whoever can read. */
const FileMode = z.string().regex(/^0[0-7]{3}$/, 'must be octal, such as "0600" or "0640"');

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
const Location = { directory: z.string().min(1), s3: S3Settings.optional() };
export type Location = Pick<ListRequest, "directory" | "s3">;

/** A series of backups. */
const Series = { ...Location, name: BackupName };

/** Where the server is: always inside a container, over TCP on the loopback interface of that container. */
const Server = {
  container: z.string().min(1, "must name a container"),
  user: z.string().min(1).default("postgres"),
  database: z.string().min(1).default("postgres"),
  /** Docker daemon address, as in DOCKER_HOST. Unset: whatever the docker command line finds. */
  dockerHost: z.string().min(1).optional(),
};

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
    jobs: z.int().min(1).max(64).optional(),
    compression: Compression.optional(),
    /** Tables that a foreign key refers to or that a selected one inherits from, but that are not selected. */
    references: References.default("fail"),
    /** Relations that no foreign key declares, as `child.column -> parent.column`; orphans are counted. */
    relations: z.array(z.string().min(1)).default([]),
    /** More orphans than this in any relation fail the backup. */
    maxOrphans: z.int().min(0).optional(),
    /** Seconds to wait for a table that somebody else has locked. */
    lockTimeout: z.int().min(1).max(86_400).default(60),
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

export const PruneRequest = z.strictObject({
  ...Series,
  ...retentionRules,
  minSizeRatio: MinSizeRatio,
  /** Only say what would be removed. */
  dryRun: z.boolean().default(false),
});
export type PruneRequest = z.infer<typeof PruneRequest>;

export const KeepRequest = z.strictObject({
  ...Series,
  /** An id, or `latest`. */
  backup: z.string().min(1, "must be an id or latest"),
  /** Take the mark away. */
  remove: z.boolean().default(false),
});
export type KeepRequest = z.infer<typeof KeepRequest>;

/** A tar file, or `-` for standard output or input. */
const TarFile = z.string().min(1).default("-");

export const ExportRequest = z.strictObject({
  ...Series,
  /** An id, or `latest`. */
  backup: z.string().min(1, "must be an id or latest").default("latest"),
  file: TarFile,
});
export type ExportRequest = z.infer<typeof ExportRequest>;

export const ImportRequest = z.strictObject({
  ...Location,
  /** The series that the backup must be of; any, if it is not given. */
  name: BackupName.optional(),
  file: TarFile,
  fileMode: FileMode.default("0600"),
});
export type ImportRequest = z.infer<typeof ImportRequest>;

export const ListRequest = z.strictObject({ ...Location, name: BackupName.optional() });
export type ListRequest = z.infer<typeof ListRequest>;

export const VerifyRequest = z.strictObject({
  ...Series,
  /** An id, or `latest`. */
  backup: z.string().min(1, "must be an id or latest").default("latest"),
  /** Every backup of the series. */
  all: z.boolean().default(false),
  level: VerifyLevel.exclude(["none"]).default("archive"),
  /** Image of the throwaway container. Unset: the one that the backup was taken with. */
  image: z.string().min(1).optional(),
  dockerHost: Server.dockerHost,
});
export type VerifyRequest = z.infer<typeof VerifyRequest>;

export const VerifyResult = z.strictObject({
  backups: z.array(
    z.strictObject({
      backupId: z.string(),
      location: z.string(),
      level: VerifyLevel,
      seconds: z.number(),
      image: z.string().optional(),
      /** What is wrong with it; absent where nothing is. */
      error: z.strictObject({ code: z.string(), message: z.string() }).optional(),
    }),
  ),
});
export type VerifyResult = z.infer<typeof VerifyResult>;

/** What a restore does where a table exists in its place. */
export const IfExists = z.enum(["fail", "replace", "swap", "skip"]);
export type IfExists = z.infer<typeof IfExists>;

export const RestoreContent = z.enum(["all", "data", "schema"]);

export const RestoreRequest = z
  .strictObject({
    ...Series,
    /** An id, or `latest`. */
    backup: z.string().min(1, "must be an id or latest").default("latest"),
    ...Server,
    /** Tables of the backup; unset: all. */
    tables: z.array(z.string().min(1)).min(1, "must name at least one table").optional(),
    excludeTables: z.array(z.string().min(1)).default([]),
    /** Schemas that are restored under another name. */
    schemas: z.record(z.string().min(1), z.string().min(1)).default({}),
    /** `data` fills tables that exist; `schema` restores tables without rows. */
    content: RestoreContent.default("all"),
    ifExists: IfExists.default("fail"),
    /** Owners and grantees that the server lacks; those that are created cannot log in. */
    missingRoles: z.enum(["fail", "create"]).default("fail"),
    /** Parallel `pg_restore` workers. */
    jobs: z.int().min(1).max(64).optional(),
    /** Seconds that the last step, which puts the tables in their place, waits for a table that somebody else has locked. */
    lockTimeout: z.int().min(1).max(86_400).default(60),
    /** Only look for what would keep the backup from being restored. */
    dryRun: z.boolean().default(false),
  })
  .refine(({ content, ifExists }) => content !== "data" || ifExists === "fail" || ifExists === "replace", {
    path: ["ifExists"],
    message: "must be fail or replace where only data is restored, into tables that exist",
  });
export type RestoreRequest = z.infer<typeof RestoreRequest>;
export type RestoreRequestInput = z.input<typeof RestoreRequest>;

/** Kept under 4 KB, as that of a backup is. */
export const RestoreResult = z.strictObject({
  backupId: z.string(),
  database: z.string(),
  /** Where they are now. */
  tables: z.array(z.string()),
  tableCount: z.int(),
  rows: z.int(),
  seconds: z.number(),
  /** False where all tables existed and were to be left alone, and after a dry run. */
  restored: z.boolean(),
  /** Schemas that hold the tables that were there before. */
  swappedInto: z.array(z.string()),
  /** What could not be compared, or is otherwise than in the source. */
  notes: z.array(z.string()),
});
export type RestoreResult = z.infer<typeof RestoreResult>;

/** The server that a migration goes to; on the same Docker daemon, whose host has the port. */
const NewServer = {
  toContainer: z.string().min(1, "must name a container"),
  toUser: z.string().min(1).default("postgres"),
  toDatabase: z.string().min(1).default("postgres"),
};

export const MigrateRequest = z.strictObject({
  ...Server,
  ...NewServer,
  ...Series,
  format: ArchiveFormat.default("custom"),
  /** Tables, views and so on that stay behind; all others must go along. */
  excludeTables: z.array(z.string().min(1)).default([]),
  /** Databases of the old server that stay behind. */
  excludeDatabases: z.array(z.string().min(1)).default([]),
  relations: BackupRequest.shape.relations,
  /** Owners and grantees that the new server lacks; those that are created cannot log in. */
  missingRoles: RestoreRequest.shape.missingRoles,
  jobs: BackupRequest.shape.jobs,
  /** Seconds to wait for transactions that are writing. */
  lockTimeout: BackupRequest.shape.lockTimeout,
});
export type MigrateRequest = z.infer<typeof MigrateRequest>;

export const RetireRequest = z.strictObject({
  container: Server.container,
  ...NewServer,
  dockerHost: Server.dockerHost,
  /** The volume too. */
  removeData: z.boolean().default(false),
});
export type RetireRequest = z.infer<typeof RetireRequest>;

/** Kept under 4 KB, as that of a backup is. */
export const MigrateResult = z.strictObject({
  backupId: z.string(),
  location: z.string(),
  tables: z.array(z.string()),
  tableCount: z.int(),
  rows: z.int(),
  /** What could not be compared, or is otherwise than in the old server. */
  notes: z.array(z.string()),
  /** Container and volumes of the old side that were removed. */
  removed: z.array(z.string()),
});
export type MigrateResult = z.infer<typeof MigrateResult>;

export const ReadyRequest = z.strictObject({
  ...Server,
  /** Seconds to wait. The first start of a new volume runs the init scripts before the server answers. */
  timeout: z.number().positive().default(600),
});
export type ReadyRequest = z.infer<typeof ReadyRequest>;
export type ReadyRequestInput = z.input<typeof ReadyRequest>;

export const PreflightRequest = z.strictObject({
  container: Server.container,
  dockerHost: Server.dockerHost,
  /** Value of the label {@link ownerLabel} on a container that may exist already because it is the caller's. */
  owner: z.string().min(1),
  hostAddress: z.string().min(1),
  /** Unset: it is not published yet, but taken over from another container later. */
  port: z.int().min(1).max(65535).optional(),
  backupDirectory: z.string().min(1).optional(),
});
export type PreflightRequest = z.infer<typeof PreflightRequest>;
export type PreflightRequestInput = z.input<typeof PreflightRequest>;

/** Label by which a container is known to belong to one component of one stack. */
export const ownerLabel = "postgis-backup.owner";
