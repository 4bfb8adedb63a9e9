/** The record of a backup, written beside its archive. `schema/manifest.schema.json` is made from this file. */
import { z } from "zod";
import type { Inspection } from "../docker/container";
import type { ServerFacts } from "../postgres/session/server-info";
import type { Relation } from "../postgres/catalog/catalog";
import type { Definitions } from "../postgres/catalog/definitions";
import { FingerprintMethod, type Measure } from "../postgres/catalog/fingerprint";
import type { CountedRelation } from "../postgres/catalog/orphans";
import type { OutsideContent } from "../postgres/catalog/outside-content";
import { Requirements } from "../postgres/catalog/requirements";
import { kindName } from "../postgres/catalog/select-tables";
import type { Snapshot } from "../postgres/session/snapshot";
import { ArchiveFormat, type BackupRequest, NotCarried, VerifyLevel } from "../request";

export const manifestFile = "manifest.json";

const describe = <T extends z.ZodType>(schema: T, description: string) => schema.meta({ description });

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
    format: ArchiveFormat,
    compression: z.string(),
    jobs: z.int(),
    fingerprintMethod: describe(
      FingerprintMethod,
      "columns: sum over all rows of the XOR of the columns' extended hashes, each with the column's number by name as its seed; " +
        "text: sum of hashtextextended(ROW(columns by name)::text, 0); columns-utf8 and text-utf8: the same, of the text in UTF-8 as hexadecimal digits.",
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
        invalidGeometries: describe(
          z.int().optional(),
          "Counted where the backup was verified by a restore, and the table has geometries.",
        ),
        indexes: describe(z.array(z.string()), "As pg_get_indexdef writes them."),
        constraints: describe(
          z.array(z.strictObject({ name: z.string(), definition: z.string() })),
          "As pg_get_constraintdef writes them.",
        ),
      }),
    ),
    relations: describe(
      z.array(
        z.strictObject({
          relation: z.string(),
          child: z.strictObject({ schema: z.string(), name: z.string(), column: z.string() }),
          parent: z.strictObject({ schema: z.string(), name: z.string(), column: z.string() }),
          orphans: z.int(),
        }),
      ),
      "Relations that no foreign key declares, with the number of rows of the child that refer to no row of the parent.",
    ),
    acceptedReferences: describe(
      z.array(z.strictObject({ table: z.string(), constraint: z.string(), references: z.string() })),
      "Foreign keys to tables that are not in the backup; their creation fails in a restore.",
    ),
    notCarried: describe(
      z
        .array(
          z.strictObject({
            kind: NotCarried,
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
        level: VerifyLevel,
        seconds: z.number(),
        image: describe(z.string().optional(), "Image of the throwaway container that it was restored in."),
      }),
      "none: not verified; archive: the files were read back, and the archive to its end; " +
        "restore: the archive was restored in a throwaway container, and the result agreed with this manifest.",
    ),
  })
  .meta({ title: "Manifest of a postgis-backup backup" });
export type Manifest = z.infer<typeof Manifest>;

type Described = Pick<
  Manifest,
  "pgDumpVersion" | "format" | "compression" | "jobs" | "fingerprintMethod" | "requires"
> & {
  readonly id: string;
  readonly startedAt: Date;
  readonly newerThan: readonly string[];
  readonly request: BackupRequest;
  readonly container: Inspection;
  readonly imageDigest: string;
  readonly facts: ServerFacts;
  readonly snapshot: Snapshot;
  readonly measures: ReadonlyMap<string, Measure>;
  readonly definitions: ReadonlyMap<string, Definitions>;
  readonly relations: readonly CountedRelation[];
  readonly outside: readonly OutsideContent[];
};

/** All that can be said before the files are sealed and the backup is verified. */
export type Description = Omit<Manifest, "files" | "finishedAt" | "verification">;

export function describeBackup(backup: Described): Description {
  const { id, startedAt, newerThan, request, container, facts, snapshot, measures, definitions } = backup;
  return {
    manifestVersion: 1,
    id,
    name: request.name,
    ...(newerThan.length === 0 ? {} : { newerThan: [...newerThan] }),
    startedAt: startedAt.toISOString(),
    source: {
      container: container.Name.replace(/^\//, ""),
      containerId: container.Id,
      image: container.Config.Image,
      imageDigest: backup.imageDigest,
      database: request.database,
      serverVersion: facts.version,
      ...(facts.postgis === null ? {} : { postgisVersion: facts.postgis }),
      encoding: facts.encoding,
      lcCollate: facts.lcCollate,
      lcCtype: facts.lcCtype,
      ...localeOf(facts),
    },
    pgDumpVersion: backup.pgDumpVersion,
    snapshot: snapshot.id,
    format: backup.format,
    compression: backup.compression,
    jobs: backup.jobs,
    fingerprintMethod: backup.fingerprintMethod,
    tables: snapshot.tables.map((table) => ({
      ...describeTable(table),
      ...measured(table, measures),
      ...defined(table, definitions),
    })),
    relations: backup.relations.map(describeRelation),
    acceptedReferences: snapshot.acceptedReferences.map(({ from, constraint, sqlName }) => ({
      table: from,
      constraint: constraint ?? "",
      references: sqlName,
    })),
    ...(backup.outside.length === 0 ? {} : { notCarried: [...backup.outside] }),
    skipped: snapshot.skipped.map((relation) => ({
      schema: relation.schema,
      name: relation.name,
      kind: kindName(relation),
    })),
    requires: backup.requires,
  };
}

function localeOf({ localeProvider, locale, icuRules, collationVersion }: ServerFacts) {
  return {
    ...(localeProvider === null ? {} : { localeProvider }),
    ...(locale === null ? {} : { locale }),
    ...(icuRules === null ? {} : { icuRules }),
    ...(collationVersion === null ? {} : { collationVersion }),
  };
}

function describeRelation({ text, child, childColumn, parent, parentColumn, orphans }: CountedRelation) {
  return {
    relation: text,
    child: { schema: child.schema, name: child.name, column: childColumn },
    parent: { schema: parent.schema, name: parent.name, column: parentColumn },
    orphans,
  };
}

function describeTable({ schema, name, kind, owner, bytes }: Relation) {
  return { schema, name, kind: kind === "p" ? ("partitioned" as const) : ("table" as const), owner, bytes };
}

function measured({ oid, kind, sqlName }: Relation, measures: ReadonlyMap<string, Measure>) {
  if (kind === "p") return { rows: 0, fingerprint: "0" };
  const measure = measures.get(oid);
  if (measure === undefined) throw new Error(`the rows of ${sqlName} were not counted`);
  const { rows, fingerprint, invalidGeometries } = measure;
  return { rows, fingerprint, ...(invalidGeometries === undefined ? {} : { invalidGeometries }) };
}

function defined({ oid, sqlName }: Relation, definitions: ReadonlyMap<string, Definitions>): Definitions {
  const found = definitions.get(oid);
  if (found === undefined) throw new Error(`the indexes of ${sqlName} were not read`);
  return found;
}
