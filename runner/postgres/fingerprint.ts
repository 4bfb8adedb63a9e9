import { createInterface } from "node:readline";
import { z } from "zod";
import { Failure } from "../failure";
import { execTied, type ExecTarget } from "../docker/exec";
import type { Relation } from "./catalog";
import { endedWith, errorLines, psql } from "./server";
import type { Session } from "./session";

/**
 * How the rows of a table become one number that does not depend on their order. `record` hashes the values
 * themselves (PostgreSQL 14 and later), `text` their text; a comparison needs the same method on both sides.
 */
export const FingerprintMethod = z.enum(["record", "text"]);
export type FingerprintMethod = z.infer<typeof FingerprintMethod>;

const Measure = z.object({ oid: z.string(), rows: z.int(), fingerprint: z.string() });
export type Measure = z.infer<typeof Measure>;

export function fingerprintMethod(serverVersionNumber: number): FingerprintMethod {
  return serverVersionNumber >= 140000 ? "record" : "text";
}

/**
 * One query for each table. A column whose type has no extended hash function, such as geometry, is hashed as bytea
 * where there is a cast to it (for geometry that is EWKB, half the size of its text), else as text.
 */
const measureQueries = (oids: readonly string[], method: FingerprintMethod) => `
WITH hashable AS (
  SELECT c.opcintype AS type FROM pg_opclass c JOIN pg_am a ON a.oid = c.opcmethod AND a.amname = 'hash'
  JOIN pg_amproc p ON p.amprocfamily = c.opcfamily AND p.amproclefttype = c.opcintype AND p.amprocnum = 2
  WHERE c.opcdefault
), coercible AS (
  SELECT type FROM hashable UNION SELECT castsource FROM pg_cast JOIN hashable ON casttarget = type WHERE castmethod = 'b' AND castcontext = 'i'
), col AS (
  SELECT a.attrelid, a.attnum, format('t.%I', a.attname) || CASE
      WHEN '${method}' = 'text' THEN ''
      WHEN b.oid IN (SELECT type FROM coercible) OR b.typtype = 'e' THEN ''
      WHEN b.typelem <> 0 AND b.typlen = -1 AND b.typelem IN (SELECT type FROM coercible) THEN ''
      WHEN EXISTS (SELECT FROM pg_cast WHERE castsource = b.oid AND casttarget = 'bytea'::regtype) THEN '::bytea'
      ELSE '::text' END AS expression
  FROM pg_attribute a JOIN pg_type y ON y.oid = a.atttypid
  JOIN pg_type b ON b.oid = CASE WHEN y.typtype = 'd' THEN y.typbasetype ELSE y.oid END
  WHERE a.attnum > 0 AND NOT a.attisdropped
)
SELECT format(
  'SELECT jsonb_build_object(''oid'', ''%s'', ''rows'', count(*), ''fingerprint'', coalesce(sum(%s), 0)::text) FROM ONLY %I.%I t',
  c.oid,
  format(
    CASE '${method}' WHEN 'record' THEN 'hash_record_extended(ROW(%s), 0)' ELSE 'hashtextextended(ROW(%s)::text, 0)' END,
    (SELECT string_agg(expression, ', ' ORDER BY attnum) FROM col WHERE attrelid = c.oid)),
  n.nspname, c.relname) AS query
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.oid IN (${oids.join(", ")}) AND c.relkind = 'r'`;

/** Tables for each psql process: their queries are arguments, whose total size the system limits. */
const batchSize = 200;

/** Exact row counts and fingerprints, read within the snapshot. */
export async function measureTables(
  session: Session,
  target: ExecTarget,
  snapshot: { readonly id: string; readonly tables: readonly Relation[] },
  method: FingerprintMethod,
  signal: AbortSignal,
): Promise<Map<string, Measure>> {
  const oids = snapshot.tables.map(({ oid }) => oid);
  const queries = await session.rows(measureQueries(oids, method), z.object({ query: z.string() }));
  const measures = new Map<string, Measure>();
  for (let start = 0; start < queries.length; start += batchSize) {
    const statements = [
      "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
      `SET TRANSACTION SNAPSHOT '${snapshot.id}'`,
      "SET row_security = off",
      ...queries.slice(start, start + batchSize).map(({ query }) => query),
    ];
    const process = execTied(target, [...psql, ...statements.flatMap((sql) => ["--command", sql])], signal, {
      stdout: "pipe",
      buffer: { stdout: false },
      reject: false,
    });
    for await (const line of createInterface({ input: process.stdout })) {
      if (line === "") continue;
      const measure = Measure.parse(JSON.parse(line));
      measures.set(measure.oid, measure);
    }
    const { failed, stderr, exitCode } = await process;
    if (failed)
      throw new Failure(
        "server-error",
        `Counting the rows failed: ${errorLines(stderr) || endedWith(exitCode)}`,
      );
  }
  return measures;
}
