import { z } from "zod";

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
