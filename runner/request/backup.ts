import * as z from "zod";
import { parseRepository, s3Url } from "./location";
import { Compression } from "./compression";
import { ArchiveFormat, Globals, MissingReferences, NotCarried, VerifyLevel } from "./choices";
import { Retention } from "./retention";
import { BackupsOfName, FileMode, FolderPath, Repository } from "./repository";
import { Jobs, LockTimeout, Server, SplitTablesFrom } from "./server";
import { Duration } from "./duration";
import path from "node:path";

const isInS3 = (repository: string) => parseRepository(repository).kind === "s3";

/** Whether the archive is streamed to S3, without a folder of this machine. */
export function isStreamed({
  repository,
  workDirectory,
}: {
  readonly repository: string;
  readonly workDirectory?: string | undefined;
}): boolean {
  return workDirectory === undefined && isInS3(repository);
}

/** The format that is meant where none is named, but for a folder that the container does not see. */
function formatOf(request: { readonly repository: string; readonly format?: ArchiveFormat | undefined }) {
  return request.format ?? (isStreamed(request) ? "custom" : "directory");
}

/** One text for all spellings of a repository. */
function normalized(repository: string): string {
  const location = parseRepository(repository);
  return location.kind === "s3" ? s3Url(location, location.prefix) : path.resolve(location.path);
}

/** What has a meaning for tables alone, or for the whole database alone. */
function ofTablesOrAll(
  request: {
    readonly all: boolean;
    readonly tables: readonly string[];
    readonly excludeTables: readonly string[];
    readonly excludeTableData: readonly string[];
    readonly excludeSchemas: readonly string[];
    readonly globals?: Globals | undefined;
    readonly missingReferences: MissingReferences;
  },
  context: z.RefinementCtx,
): void {
  const refuse = (path: string, message: string) => {
    context.addIssue({ code: "custom", path: [path], message });
  };
  if (!request.all) {
    for (const key of ["excludeTableData", "excludeSchemas", "globals"] as const)
      if ((request[key] ?? []).length > 0)
        refuse(key, "has a meaning for a backup of the whole database only");
    return;
  }
  for (const key of ["tables", "excludeTables"] as const)
    if (request[key].length > 0) refuse(key, "has no meaning in a backup of the whole database");
  if (request.missingReferences !== "fail")
    refuse("missingReferences", "has no meaning in a backup of the whole database");
}

export const BackupRequest = z
  .strictObject({
    ...Server,
    /** None where the whole database is backed up. */
    tables: z.array(z.string().min(1)).default([]),
    excludeTables: z.array(z.string().min(1)).default([]),
    /** The whole database, with all that `pg_dump` dumps of it, instead of tables. */
    all: z.boolean().default(false),
    /** Tables of the database that are backed up without their rows. */
    excludeTableData: z.array(z.string().min(1)).default([]),
    /** Schemas that are left out of the database. */
    excludeSchemas: z.array(z.string().min(1)).default([]),
    /** Of the whole database: the roles of its server too. Unset: none. */
    globals: z.enum(Globals).optional(),
    ...BackupsOfName,
    /** Further repositories, which the complete and verified backup is copied to. */
    copies: z.array(Repository).default([]),
    /** Folder that a backup for S3 is written to and verified in, before it is uploaded; it is removed there afterwards. */
    workDirectory: FolderPath.optional(),
    /** Unset: directory, or custom where the archive is streamed to S3. */
    format: z.enum(ArchiveFormat).optional(),
    /** Parallel `pg_dump` workers; only the directory format in a folder uses more than one. */
    jobs: Jobs,
    /** Only where there are at least three workers. */
    splitTablesFrom: SplitTablesFrom,
    compression: Compression.optional(),
    /**
     * Rows that did not change since the last backup are shared with it, unless they were dumped longer ago than this. Unset: all
     * rows are dumped.
     */
    fullEvery: Duration.optional(),
    /** All rows are dumped this time; later backups may share them. */
    full: z.boolean().default(false),
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
  .refine(
    ({ compression = "zstd", ...request }) =>
      request.format !== "directory" || !isStreamed(request) || /^(zstd|none)\b/.test(compression),
    {
      path: ["compression"],
      message:
        'must be zstd or "none" where the directory format is streamed to S3: its files are split off a custom archive, which has other ' +
        "headers for other methods. Or set a work directory",
    },
  )
  .refine(
    ({ all, tables }: { all?: boolean; tables?: readonly string[] }) => all === true || tables?.length !== 0,
    {
      path: ["tables"],
      message: "must name at least one table",
      // Also where something else is wrong, so that all is said at once.
      when: () => true,
    },
  )
  .superRefine(ofTablesOrAll)
  .refine(({ repository, workDirectory }) => workDirectory === undefined || isInS3(repository), {
    path: ["workDirectory"],
    message: "has no effect where the repository is a folder: the backup is written there",
  })
  .refine(
    ({ fullEvery, full, workDirectory, ...request }) =>
      fullEvery === undefined || full || (workDirectory === undefined && formatOf(request) === "directory"),
    {
      path: ["fullEvery"],
      message:
        "has no effect here: only archives in the directory format share rows with earlier ones, which must be named for a bucket, " +
        "and none that come from a work directory",
    },
  )
  .refine(({ workDirectory }) => workDirectory === undefined || !isInS3(workDirectory), {
    path: ["workDirectory"],
    message: "must be a folder of this machine",
  })
  .superRefine(({ repository, copies, workDirectory }, context) => {
    const seen = new Set(
      [repository, ...(workDirectory === undefined ? [] : [workDirectory])].map(normalized),
    );
    for (const [index, copy] of copies.entries()) {
      if (seen.has(normalized(copy)))
        context.addIssue({ code: "custom", path: ["copies", index], message: `names ${copy} a second time` });
      seen.add(normalized(copy));
    }
  });
export type BackupRequest = z.infer<typeof BackupRequest>;
export type BackupRequestInput = z.input<typeof BackupRequest>;

/** Where a published backup is. */
export const BackupPlace = z.strictObject({
  /** A folder's absolute path, or a URL. */
  location: z.string(),
  /** Its path or URL. */
  manifest: z.string(),
  /** Versions of the manifest, and of as many other files as fit, by their paths, where the bucket keeps versions. */
  versionIds: z.record(z.string(), z.string()).optional(),
});
export type BackupPlace = z.infer<typeof BackupPlace>;

/** Kept under 4 KB, because the engine stores it in the stack's state as a command's standard output. */
export const BackupResult = z.strictObject({
  backupId: z.string(),
  ...BackupPlace.shape,
  /** Where else it is, one for each of the request's copies. */
  copies: z.array(BackupPlace),
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
  /** Why retention removed nothing although it should have. */
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
