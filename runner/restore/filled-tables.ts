/** The tables that exist and are to be filled. */
import { z } from "zod";
import type { RecordedTable } from "../verify";
import { Attempts, Failure } from "../lib/failure";
import { type Relation, readCatalog } from "../postgres/catalog/catalog";
import { type Name, sqlName } from "../postgres/session/names";
import { selectTables } from "../postgres/catalog/select-tables";
import type { Session } from "../postgres/session/session";
import { finalPlace, oidList } from "./members";
import type { RestoreRun } from "./run";

export interface FilledTable {
  readonly recorded: RecordedTable;
  readonly place: Name;
  readonly oid: string;
}

/** The tables of the backup that the request means, in the target; those that lack one are an error. */
export async function selectFilled(run: RestoreRun): Promise<FilledTable[]> {
  const { session, manifest, request } = run;
  const there = new Map((await readCatalog(session)).map((relation) => [sqlName(relation), relation]));
  const placeOf = (table: RecordedTable) => finalPlace(request, table);
  const relations = manifest.tables.map((recorded): Relation => {
    const { schema, name } = recorded;
    const found = there.get(sqlName(placeOf(recorded)));
    const kind = recorded.kind === "table" ? "r" : "p";
    const named = { schema, name, sqlName: sqlName(recorded), visible: schema === "public", kind } as const;
    const { owner, bytes } = recorded;
    const oid = found?.oid ?? sqlName(recorded);
    return { ...named, oid, owner, bytes, partOf: found?.partOf ?? [], references: [], extension: null };
  });
  const { tables } = selectTables(relations, {
    tables: request.tables ?? ["*.*"],
    excludeTables: request.excludeTables,
    missingReferences: "ignore",
  });
  const recordedOf = new Map(manifest.tables.map((table) => [sqlName(table), table]));
  const attempts = new Attempts();
  const filled = tables.flatMap(({ sqlName: key, oid }) => {
    const recorded = recordedOf.get(key);
    if (recorded === undefined) return [];
    const place = placeOf(recorded);
    const found = there.get(sqlName(place));
    if (found !== undefined && (found.kind === "r" || found.kind === "p")) return [{ recorded, place, oid }];
    attempts.add(
      new Failure(
        "table-not-found",
        `${sqlName(place)} is no table of database "${request.database}", and only tables that exist can be filled. Restore without --data-only.`,
      ),
    );
    return [];
  });
  attempts.end();
  return filled.filter(({ recorded }) => recorded.kind === "table");
}

/** Tables that can be filled at once; those of a circle refer to each other. */
interface Level {
  readonly tables: readonly FilledTable[];
  readonly circle: boolean;
}

/** What has no foreign key to any other, then what has them to those only, and so on. */
export async function parentsFirst(session: Session, tables: readonly FilledTable[]): Promise<Level[]> {
  const keys = await session.rows(
    `SELECT conrelid::text AS child, confrelid::text AS parent FROM pg_constraint
     WHERE contype = 'f' AND conrelid <> confrelid AND conrelid IN (${oidList(tables.map(({ oid }) => oid))})`,
    z.object({ child: z.string(), parent: z.string() }),
  );
  const levels: Level[] = [];
  let left = [...tables];
  while (left.length > 0) {
    const waiting = new Set(left.map(({ oid }) => oid));
    const ready = left.filter(({ oid }) => !keys.some((key) => key.child === oid && waiting.has(key.parent)));
    const circle = ready.length === 0;
    const next = circle ? left : ready;
    levels.push({ tables: next, circle });
    left = left.filter((table) => !next.includes(table));
  }
  return levels;
}
