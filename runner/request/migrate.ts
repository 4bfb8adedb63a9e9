import * as z from "zod";
import { ArchiveFormat } from "./choices";
import { BackupRequest } from "./backup";
import { RestoreRequest } from "./restore";
import { BackupsOfName } from "./repository";
import { Jobs, LockTimeout, Server } from "./server";

/** The new server of a migration. It runs on the same Docker daemon, whose host publishes the port. */
const NewServer = {
  toContainer: z.string().min(1, "must name a container"),
  toUser: z.string().min(1).default("postgres"),
  toDatabase: z.string().min(1).default("postgres"),
};

const MigrateArguments = z.strictObject({
  ...Server,
  ...NewServer,
  ...BackupsOfName,
  /** The whole database, with all that `pg_dump` dumps of it, instead of its tables. It takes the place of the new server's. */
  all: z.boolean().default(false),
  format: z.enum(ArchiveFormat).default("custom"),
  /** Tables, views and so on that stay behind; all others must go along. */
  excludeTables: z.array(z.string().min(1)).default([]),
  /** Databases of the old server that stay behind. */
  excludeDatabases: z.array(z.string().min(1)).default([]),
  /** What else stays behind, each as the error names it: "view public.seen", "database postgres", "server setting *". */
  leaveBehind: z.array(z.string().min(1)).default([]),
  logicalForeignKeys: BackupRequest.shape.logicalForeignKeys,
  /** Roles that the new server lacks; those that are created cannot log in. */
  missingRoles: RestoreRequest.shape.missingRoles,
  jobs: Jobs,
  /** Seconds to wait for transactions that are writing. */
  lockTimeout: LockTimeout,
});

export const MigrateRequest = MigrateArguments.refine(
  ({ all, excludeTables }) => !all || excludeTables.length === 0,
  {
    path: ["excludeTables"],
    message: "has no meaning where the whole database is moved",
  },
).refine(({ all, missingRoles }) => all || missingRoles !== "restore", {
  path: ["missingRoles"],
  message: "must be fail or create, unless the whole database is moved",
});
export type MigrateRequest = z.infer<typeof MigrateRequest>;

export const RemoveOldRequest = z.strictObject({
  container: Server.container,
  ...NewServer,
  dockerHost: Server.dockerHost,
  /** The volume too. */
  removeData: z.boolean().default(false),
});
export type RemoveOldRequest = z.infer<typeof RemoveOldRequest>;

/** Kept under 4 KB, as that of a backup is. */
export const MigrateResult = z.strictObject({
  backupId: z.string(),
  location: z.string(),
  tables: z.array(z.string()),
  tableCount: z.int(),
  rows: z.int(),
  /** What could not be compared, or differs from the old server. */
  notes: z.array(z.string()),
  /** Container and volume of the old server that were removed. */
  removed: z.array(z.string()),
});
export type MigrateResult = z.infer<typeof MigrateResult>;
