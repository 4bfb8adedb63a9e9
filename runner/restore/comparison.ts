/** Whether what was loaded is what was backed up. */
import { z } from "zod";
import { compareTable, mismatch, settlePools, withFingerprints, compareOrphans } from "../verify";
import { Failures } from "../lib/failure";
import { type Relation, readCatalog } from "../postgres/catalog/catalog";
import { findDefinitions } from "../postgres/catalog/definitions";
import { measureTables, whyNotComparable } from "../postgres/catalog/fingerprint";
import { sqlName } from "../postgres/session/names";
import { findPools } from "../postgres/session/pools";
import { withQualifiedNames } from "../postgres/session/qualified-names";
import { openSession, type Session } from "../postgres/session/session";
import type { RestoreRun } from "./run";
import type { StagedTable } from "./staging";

/** Why the target cannot compute the fingerprints that were recorded; undefined where it can. */
export function whyNotCompared({
  facts,
  manifest,
}: Pick<RestoreRun, "facts" | "manifest">): string | undefined {
  return whyNotComparable(manifest.fingerprintMethod, manifest.source.encoding, facts);
}

/** Compares the tables in their staging schemas; any difference is a failure that names it. */
export async function compareStaging(run: RestoreRun, tables: readonly StagedTable[]): Promise<void> {
  const session = openSession(run.target, run.signal);
  try {
    await session.run("SET jit = off");
    // A crash of the server would leave the restore to be begun anew.
    await session.run("SET synchronous_commit = off");
    await session.run(`ANALYZE ${tables.map(({ stage }) => sqlName(stage)).join(", ")}`);
    await session.run("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
    const { id } = await session.row("SELECT pg_export_snapshot() AS id", z.object({ id: z.string() }));
    const relations = new Map((await readCatalog(session)).map((relation) => [sqlName(relation), relation]));
    const found = tables.flatMap((table) => {
      const relation = relations.get(sqlName(table.stage));
      return relation === undefined ? [] : [{ table, relation }];
    });
    const restored = {
      target: run.target,
      snapshotId: id,
      tables: new Map(found.map(({ table, relation }) => [sqlName(table.recorded), relation])),
    };
    const differences = [
      ...tables
        .filter((table) => !relations.has(sqlName(table.stage)))
        .map(({ place }) => `${sqlName(place)} is missing`),
      ...(await compareTables(run, session, id, found)),
      ...(run.request.content === "schema"
        ? []
        : await compareOrphans(run.manifest.logicalForeignKeys, restored, run.signal)),
    ];
    Failures.throwIfAny(differences.map(mismatch));
  } finally {
    await session.close();
  }
}

type Found = readonly { readonly table: StagedTable; readonly relation: Relation }[];

async function compareTables(run: RestoreRun, session: Session, id: string, found: Found): Promise<string[]> {
  const { manifest, target, signal, request } = run;
  const relations = found.map(({ relation }) => relation);
  const oids = relations.map(({ oid }) => oid);
  const definitions = await withQualifiedNames(session, () => findDefinitions(session, oids));
  const exact = whyNotCompared(run) === undefined;
  const method = exact ? manifest.fingerprintMethod : "text";
  const measures = await measureTables(
    session,
    target,
    { id, tables: relations },
    { method, validity: false },
    signal,
  );
  const nothing = request.content === "schema" ? { rows: 0, fingerprint: "0" } : {};
  const wanted = found.map(({ table, relation: { oid } }) => ({
    ...{ oid, table, expected: { ...table.recorded, ...nothing, ...table.definitions } },
  }));
  const known = exact ? measures : withFingerprints(measures, wanted);
  const settled = settlePools(wanted, known, await findPools(session, oids));
  return wanted.flatMap(({ oid, table, expected }) => {
    const restored = definitions.get(oid) ?? { indexes: [], constraints: [] };
    return compareTable(expected, { ...restored, measure: settled.get(oid) }).map(
      (difference) => `${sqlName(table.place)}: ${difference}`,
    );
  });
}
