import * as z from "zod";
import { Connections, IfExists, MissingRoles, RestoreContent, TableTriggers } from "./choices";
import { namesOneBackup, OneBackup } from "./repository";
import { Jobs, LockTimeout, Server, SplitTablesFrom } from "./server";

const Hash = z.string().regex(/^[0-9a-f]{32}$/, "must be a hash");

export const RestoreRequest = z
  .strictObject({
    ...OneBackup,
    ...Server,
    /** Who asks for what: the database remembers it, and the same is not restored over what was written since. Unset: always. */
    once: z.strictObject({ by: Hash, what: Hash }).optional(),
    /** Whether the backup must be of a whole database, or of tables. Unset: it is restored as what it is. */
    all: z.boolean().optional(),
    /** Tables of the backup; unset: all. */
    tables: z.array(z.string().min(1)).min(1, "must name at least one table").optional(),
    excludeTables: z.array(z.string().min(1)).default([]),
    /** Schemas that are restored under another name. */
    schemas: z.record(z.string().min(1), z.string().min(1)).default({}),
    /** `data` fills tables that exist; `schema` restores tables without rows. */
    content: z.enum(RestoreContent).default("all"),
    ifExists: z.enum(IfExists).default("fail"),
    /** Sessions in a database that a whole one takes the place of. */
    connections: z.enum(Connections).default("fail"),
    /** Owners and grantees that the server lacks; those that are created cannot log in. */
    missingRoles: z.enum(MissingRoles).default("fail"),
    /** Of tables that exist, where only rows are restored. */
    tableTriggers: z.enum(TableTriggers).default("fire"),
    /** Parallel `pg_restore` workers. */
    jobs: Jobs,
    splitTablesFrom: SplitTablesFrom,
    /** Seconds that the last step, which puts the tables in their place, waits for a table that somebody else has locked. */
    lockTimeout: LockTimeout,
    /** Image of the throwaway container, where the target's own `pg_restore` cannot read the archive. Unset: the one that the backup was taken with, where it is there. */
    image: z.string().min(1).optional(),
    /** Create the database, if it does not exist, with the encoding and the locale of the backup's. A failed restore removes it again. */
    createDatabase: z.boolean().default(false),
    /** Only check whether the backup can be restored. */
    dryRun: z.boolean().default(false),
  })
  .superRefine(namesOneBackup)
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
  /** What could not be compared, or differs from the source. */
  notes: z.array(z.string()),
});
export type RestoreResult = z.infer<typeof RestoreResult>;
