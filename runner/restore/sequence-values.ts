/** Sets sequences that exist to the values that they have in the archive. */
import { isOfKind } from "../postgres/archive/toc";
import { escapeLiteral } from "../postgres/session/escape";
import { z } from "zod";
import { sqlName } from "../postgres/session/names";
import { finalPlace, findExisting, looseSequences, oidList } from "./members";
import type { Reader } from "./reader";
import type { RestoreRun } from "./run";
import { readPieces } from "../postgres/archive/script-pieces";

const setval = /^SELECT pg_catalog\.setval\('(?<name>.*)', (?<last>-?\d+), (?<called>true|false)\);$/s;

/** Those that the tables own or use. */
export async function setSequences(run: RestoreRun, reader: Reader, oids: readonly string[]): Promise<void> {
  const { session, request } = run;
  const owned = await session.rows(
    `SELECT d.objid::text AS oid FROM pg_depend d JOIN pg_class c ON c.oid = d.objid AND c.relkind = 'S'
     WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.refobjid IN (${oidList(oids)})`,
    z.object({ oid: z.string() }),
  );
  const loose = await findExisting(session, await looseSequences(session, oids));
  const used = new Set([...owned, ...loose].map(({ oid }) => oid));
  const entries = reader.entries.filter((entry) => isOfKind(entry, "SEQUENCE SET"));
  if (used.size === 0) return;
  for await (const piece of readPieces(reader.script(entries, run.signal))) {
    const { name, last, called } =
      (piece.kind === "line" ? setval.exec(piece.text)?.groups : undefined) ?? {};
    if (name === undefined || last === undefined || called === undefined) continue;
    const { parts } = await session.row(
      `SELECT parse_ident(${escapeLiteral(name.replaceAll("''", "'"))}) AS parts`,
      z.object({ parts: z.tuple([z.string(), z.string()]) }),
    );
    const place = finalPlace(request, { schema: parts[0], name: parts[1] });
    const [sequence] = await findExisting(session, [place]);
    if (sequence === undefined || !used.has(sequence.oid)) continue;
    await session.run(`SELECT pg_catalog.setval(${escapeLiteral(sqlName(place))}, ${last}, ${called})`);
  }
}
