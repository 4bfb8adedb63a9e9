/** The record of a backup, written beside its archive. `schema/manifest.schema.json` is made from this file. */
import * as z from "zod";
import { ArchiveFormat, Globals, NotCarried, parseInWords, VerifyLevel } from "../request";
import { Requirements, FingerprintMethod } from "../request/contents";
import { manifestFile } from "./layout";

const describe = <T extends z.ZodType>(schema: T, description: string) => schema.meta({ description });

const Box = z.tuple([z.number(), z.number(), z.number(), z.number()]);

const SharedFrom = z.strictObject({
  id: describe(z.string(), "The backup that they were written for."),
  generations: describe(z.int(), "How many backups have shared them since, this one included."),
});

export const Manifest = z
  .strictObject({
    manifestVersion: z.literal(1),
    id: describe(z.string(), "Name of the backup's folder: the time, in UTC, at which the backup began."),
    name: z.string(),
    newerThan: describe(
      z.array(z.string()).optional(),
      "Earlier backups with greater ids: a clock was ahead when they were taken. Absent where there were none.",
    ),
    startedAt: z.iso.datetime(),
    finishedAt: describe(z.iso.datetime(), "When the archive was written and checked."),
    source: z.strictObject({
      container: z.string(),
      containerId: z.string(),
      image: z.string(),
      imageDigest: describe(z.string(), "Repository digest of the image, or its id where it has none."),
      database: z.string(),
      serverVersion: z.string(),
      postgisVersion: describe(z.string().optional(), "Absent where the database has no PostGIS."),
      encoding: z.string(),
      lcCollate: z.string(),
      lcCtype: z.string(),
      localeProvider: describe(
        z.enum(["libc", "icu", "builtin"]).optional(),
        "Whose rules sort text. Absent before PostgreSQL 15: libc.",
      ),
      locale: describe(z.string().optional(), "Of the provider icu or builtin."),
      icuRules: z.string().optional(),
      collationVersion: describe(z.string().optional(), "Version of the rules, as the provider calls it."),
    }),
    pgDumpVersion: z.string(),
    snapshot: describe(
      z.string(),
      "The snapshot that the archive, the row counts and the fingerprints were all read from.",
    ),
    format: z.enum(ArchiveFormat),
    compression: z.string(),
    jobs: z.int(),
    fingerprintMethod: describe(
      FingerprintMethod,
      "values: sum over all rows of hashint8extended(the XOR of the columns' extended hashes, each with the column's number by name as its seed, 0), " +
        "where values that are equal and not the same have other hashes; columns: the same without hashint8extended, by the types' equality; " +
        "text: sum of hashtextextended(ROW(columns by name)::text, 0); those with -utf8: the same, of the text in UTF-8 as hexadecimal digits.",
    ),
    tables: z.array(
      z.strictObject({
        schema: z.string(),
        name: z.string(),
        kind: z.enum(["table", "partitioned"]),
        owner: z.string(),
        bytes: describe(z.int(), "Size in the database without indexes, in bytes."),
        rows: describe(
          z.int(),
          "Exact. A partitioned table has none of its own; its partitions are listed beside it.",
        ),
        fingerprint: describe(z.string(), "Independent of the order of the rows."),
        unchangedIf: describe(
          z
            .strictObject({
              storage: describe(
                z.string(),
                "System identifier of the server, oid of the database, and file nodes of the table and its TOAST.",
              ),
              columns: describe(z.string(), "Digest of the columns: names, types, order, collations."),
              places: describe(
                z.string(),
                "Like the fingerprint, but each XOR is combined with hashtidextended(ctid, 0) before it is hashed.",
              ),
              ranges: describe(
                z
                  .strictObject({
                    pages: describe(
                      z.int(),
                      "Pages of the table that each range has; the last one has all further pages.",
                    ),
                    parts: describe(
                      z.array(
                        z.strictObject({
                          rows: z.int(),
                          fingerprint: z.string(),
                          places: z.string(),
                          bytes: describe(
                            z.int(),
                            "Size of the range in the file of the rows, where the ranges follow each other.",
                          ),
                          sharedFrom: describe(
                            SharedFrom.optional(),
                            "Absent where the rows of the range were dumped for this backup.",
                          ),
                        }),
                      ),
                      "In the order of the pages.",
                    ),
                  })
                  .optional(),
                "The same of each part of a large table, so that a later backup shares parts of the file. Absent where the file cannot be shared in part.",
              ),
            })
            .optional(),
          "While these are the same, and rows and fingerprint too, a later backup shares the file of the rows. Absent where that was not asked for.",
        ),
        sharedFrom: describe(
          SharedFrom.optional(),
          "Absent where the file of the rows was written for this backup.",
        ),
        invalidGeometries: describe(
          z.int().optional(),
          "Counted where the backup was verified by a restore, and the table has geometries.",
        ),
        extents: describe(
          z
            .array(
              z.strictObject({
                column: z.string(),
                srid: describe(z.int(), "Of the column's type; 0 where that names none."),
                box: describe(Box, "Least x, least y, greatest x and greatest y, in the units of the SRID."),
                degrees: describe(
                  Box.optional(),
                  "West, south, east and north on WGS 84. Absent where the server cannot transform the box, or it is not on the Earth.",
                ),
              }),
            )
            .optional(),
          "Where the geometries of each column are, as PostGIS estimates it without reading rows. From a spatial index the box is that of " +
            "all rows since the last VACUUM, deleted ones and those after the snapshot too; else it is that of the rows which the last " +
            "ANALYZE sampled, half a percent larger on each side and without a few that lie far outside. Absent where there is neither, " +
            "where an index lacks rows or has several columns, and for geography.",
        ),
        indexes: describe(z.array(z.string()), "As pg_get_indexdef writes them."),
        constraints: describe(
          z.array(z.strictObject({ name: z.string(), definition: z.string() })),
          "As pg_get_constraintdef writes them.",
        ),
      }),
    ),
    wholeDatabase: describe(
      z
        .strictObject({
          owner: z.string(),
          globals: describe(
            z.enum(Globals).optional(),
            "What globals.sql has of the roles of the server. Unset: there is no such file.",
          ),
          objects: describe(
            z.array(z.strictObject({ kind: z.string(), count: z.int() })),
            "How many objects of each kind there are; objects.json has all of them, each with a digest of its definition.",
          ),
          excludedSchemas: z.array(z.string()),
          withoutRows: describe(
            z.array(z.strictObject({ schema: z.string(), name: z.string() })),
            "Tables that the archive has without their rows.",
          ),
        })
        .optional(),
      "Absent in a backup of tables. Otherwise the archive is a dump of the whole database, which creates everything itself.",
    ),
    logicalForeignKeys: describe(
      z.array(
        z.strictObject({
          key: describe(z.string(), "As the user wrote it."),
          child: z.strictObject({ schema: z.string(), name: z.string(), column: z.string() }),
          parent: z.strictObject({ schema: z.string(), name: z.string(), column: z.string() }),
          orphans: z.int(),
        }),
      ),
      "Foreign keys that the database does not declare, with the number of rows of the child that refer to no row of the parent.",
    ),
    ignoredReferences: describe(
      z.array(z.strictObject({ table: z.string(), constraint: z.string(), references: z.string() })),
      "Foreign keys to tables that are not in the backup; their creation fails in a restore.",
    ),
    notCarried: describe(
      z
        .array(
          z.strictObject({
            kind: z.enum(NotCarried),
            table: z.string(),
            column: z.string().optional(),
            count: z.int(),
          }),
        )
        .optional(),
      "Content that belongs to the tables, is not in the backup, and was accepted to be left out: large objects that a column " +
        "refers to, files of rasters, and rows of the extensions that the tables need. Absent where there is none.",
    ),
    skipped: describe(
      z.array(z.strictObject({ schema: z.string(), name: z.string(), kind: z.string() })),
      "Views, materialized views and foreign tables that were asked for, but hold no rows of their own.",
    ),
    requires: describe(Requirements, "What must exist before the archive is restored."),
    files: z.array(z.strictObject({ path: z.string(), bytes: z.int(), sha256: z.string() })),
    verification: describe(
      z.strictObject({
        level: z.enum(VerifyLevel),
        seconds: z.number(),
        image: describe(z.string().optional(), "Image of the throwaway container that it was restored in."),
      }),
      "none: not verified; archive: the files were read back, and the archive to its end, without the rows of shared files, which were read " +
        "when they were dumped and have the same checksums; " +
        "restore: the archive was restored in a throwaway container, and the result agreed with this manifest.",
    ),
  })
  .meta({ title: "Manifest of a postgis-backup backup" });
export type Manifest = z.infer<typeof Manifest>;

export type Parsed = { manifest: Manifest; problem?: undefined } | { manifest?: undefined; problem: string };

/** The manifest that a text holds, or why the text is not a manifest. */
export function parseManifest(source: string): Parsed {
  let content: unknown;
  try {
    content = JSON.parse(source);
  } catch {
    return { problem: `${manifestFile} is not JSON` };
  }
  const { data, problems } = parseInWords(Manifest, content);
  if (problems === undefined) return { manifest: data };
  const [first] = problems.map(({ path, message }) => [path.join("."), message].filter(Boolean).join(": "));
  return { problem: `${manifestFile} is invalid: ${first ?? "unknown"}` };
}
