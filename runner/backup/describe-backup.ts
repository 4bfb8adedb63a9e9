import type { Inspection } from "../docker/container";
import type { ServerInfo } from "../postgres/session/server";
import type { Snapshot } from "../postgres/session/snapshot";
import type { Extent } from "../postgres/catalog/extents";
import type { Measure } from "../postgres/catalog/fingerprint";
import type { Storage } from "../postgres/catalog/storage";
import type { RangesRecord, SharedFile } from "./unchanged";
import type { Definitions } from "../postgres/catalog/definitions";
import { kindName } from "../postgres/catalog/select-tables";
import type { Relation } from "../postgres/catalog/catalog";
import { Manifest } from "../repository/manifest";
import type { CountedForeignKey } from "../postgres/catalog/logical-foreign-keys";
import type { OutsideContent } from "../postgres/catalog/not-carried";

type Described = Pick<
  Manifest,
  "pgDumpVersion" | "format" | "compression" | "jobs" | "fingerprintMethod" | "requires"
> & {
  readonly wholeDatabase: Manifest["wholeDatabase"];
  readonly id: string;
  readonly startedAt: Date;
  readonly newerThan: readonly string[];
  readonly name: string;
  readonly database: string;
  readonly container: Inspection;
  readonly imageDigest: string;
  readonly server: ServerInfo;
  readonly snapshot: Snapshot;
  readonly measures: ReadonlyMap<string, Measure>;
  readonly storage: ReadonlyMap<string, Storage>;
  readonly shared: ReadonlyMap<string, SharedFile>;
  readonly ranges: ReadonlyMap<string, RangesRecord>;
  readonly extents: ReadonlyMap<string, readonly Extent[]>;
  readonly definitions: ReadonlyMap<string, Definitions>;
  readonly logicalForeignKeys: readonly CountedForeignKey[];
  readonly outside: readonly OutsideContent[];
};

/** All of a manifest that is known before checksums and verification. */
export type Description = Omit<Manifest, "files" | "finishedAt" | "verification">;

export function describeBackup(backup: Described): Description {
  const { id, startedAt, newerThan, container, server, snapshot, measures, extents, definitions } = backup;
  return {
    manifestVersion: 1,
    id,
    name: backup.name,
    ...(newerThan.length === 0 ? {} : { newerThan: [...newerThan] }),
    startedAt: startedAt.toISOString(),
    source: {
      container: container.Name.replace(/^\//, ""),
      containerId: container.Id,
      image: container.Config.Image,
      imageDigest: backup.imageDigest,
      ...serverOf(backup.database, server),
      lcCollate: server.lcCollate,
      lcCtype: server.lcCtype,
      ...localeOf(server),
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
      ...comparable(table, measures, backup),
      ...located(table, measures, extents),
      ...defined(table, definitions),
    })),
    ...(backup.wholeDatabase === undefined ? {} : { wholeDatabase: backup.wholeDatabase }),
    logicalForeignKeys: backup.logicalForeignKeys.map(describeForeignKey),
    ignoredReferences: snapshot.ignoredReferences.map(({ from, constraint, sqlName }) => ({
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

/** What the text of rows depends on. */
export function serverOf(database: string, { version, postgis, encoding }: ServerInfo) {
  return {
    database,
    serverVersion: version,
    ...(postgis === null ? {} : { postgisVersion: postgis }),
    encoding,
  };
}

function localeOf({ localeProvider, locale, icuRules, collationVersion }: ServerInfo) {
  return {
    ...(localeProvider === null ? {} : { localeProvider }),
    ...(locale === null ? {} : { locale }),
    ...(icuRules === null ? {} : { icuRules }),
    ...(collationVersion === null ? {} : { collationVersion }),
  };
}

function describeForeignKey({ text, child, childColumn, parent, parentColumn, orphans }: CountedForeignKey) {
  return {
    key: text,
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

/** What a later backup compares, and where the rows are from. */
function comparable(
  { oid }: Relation,
  measures: ReadonlyMap<string, Measure>,
  { storage, shared, ranges }: Pick<Described, "storage" | "shared" | "ranges">,
) {
  const places = measures.get(oid)?.places;
  const found = storage.get(oid);
  const file = shared.get(oid);
  const parts = ranges.get(oid);
  return {
    ...(found === undefined || places === undefined
      ? {}
      : { unchangedIf: { ...found, places, ...(parts === undefined ? {} : { ranges: parts }) } }),
    ...(file === undefined ? {} : { sharedFrom: file.sharedFrom }),
  };
}

/** The index or the statistics of a table that was emptied can be those of its former rows. */
function located(
  { oid }: Relation,
  measures: ReadonlyMap<string, Measure>,
  extents: ReadonlyMap<string, readonly Extent[]>,
) {
  const found = measures.get(oid)?.rows === 0 ? undefined : extents.get(oid);
  return found === undefined ? {} : { extents: [...found] };
}

function defined({ oid, sqlName }: Relation, definitions: ReadonlyMap<string, Definitions>): Definitions {
  const found = definitions.get(oid);
  if (found === undefined) throw new Error(`the indexes of ${sqlName} were not read`);
  return found;
}
