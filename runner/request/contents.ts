/** Parts of a manifest that are read from a database. */
import * as z from "zod";
export const CustomSrid = z.object({
  srid: z.int(),
  auth_name: z.string().nullable(),
  auth_srid: z.int().nullable(),
  srtext: z.string().nullable(),
  proj4text: z.string().nullable(),
});

export type CustomSrid = z.infer<typeof CustomSrid>;

const Sequence = z.object({ schema: z.string(), name: z.string() });

export type Sequence = z.infer<typeof Sequence>;

/** What `pg_dump --table` leaves out, though the tables cannot be restored without it. */
export const Requirements = z.object({
  schemas: z.array(z.string()),
  extensions: z.array(z.object({ name: z.string(), version: z.string(), schema: z.string() })),
  types: z.array(z.string()),
  functions: z.array(z.string()),
  /** Operators, operator classes, collations, text search configurations and the like, as the server describes them. */
  others: z.array(z.string()),
  /** Sequences that defaults, rules and the like use, but that no selected table owns; the archive has them. */
  sequences: z.array(Sequence),
  /** Owners, those who were granted a privilege or granted one, and those whom a row security policy is for. */
  roles: z.array(z.string()),
  /** Spatial reference systems that the user added to those of PostGIS. */
  customSrids: z.array(CustomSrid),
});

export type Requirements = z.infer<typeof Requirements>;

/**
 * How the rows of a table become one number that does not depend on their order. `values` hashes the values themselves (PostgreSQL 14
 * and later), `text` their text; a comparison needs the same method on both sides. Both depend on the encoding of the database;
 * so they are of text in UTF-8 where that is another one. Backups of earlier versions have `columns`, for which values that a type
 * takes for equal are the same, such as the numerics 1.0 and 1.00.
 */
export const FingerprintMethod = z.enum([
  "values",
  "text",
  "values-utf8",
  "text-utf8",
  "columns",
  "columns-utf8",
]);

export type FingerprintMethod = z.infer<typeof FingerprintMethod>;
