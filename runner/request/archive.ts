import { z } from "zod";

/** Formats of `pg_dump` that stock tools restore: https://www.postgresql.org/docs/current/app-pgdump.html */
export const ArchiveFormat = z.enum(["directory", "custom", "plain"]);
export type ArchiveFormat = z.infer<typeof ArchiveFormat>;

/** How much is done to prove that an archive can be restored. */
export const VerifyLevel = z.enum(["none", "archive", "restore"]);
export type VerifyLevel = z.infer<typeof VerifyLevel>;
