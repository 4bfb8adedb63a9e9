import assert from "node:assert/strict";
import { z } from "zod";
import { runningContainer } from "../../runner/docker/container";
import { directDocker } from "../../runner/docker/docker";
import { measureTables } from "../../runner/postgres/catalog/fingerprint";
import { serverTarget } from "../../runner/postgres/session/server";
import { openSession, type Session } from "../../runner/postgres/session/session";
import { inTransaction } from "../../runner/postgres/session/snapshot-reader";
import type { FingerprintMethod } from "../../runner/request/contents";
import { startServer } from "../support/container";
import { removeContainer, sql } from "../support/resources";

/** Values that their type takes for equal, and that a dump writes in two ways. */
const equals = [
  ["float4", "0", "-0"],
  ["float8", "0", "-0"],
  ["numeric", "1.0", "1.00"],
  ["hundredths", "1.0", "1.00"],
  ["interval", "1 day", "24:00"],
  ["jsonb", "[1.0]", "[1.00]"],
  ["float8[]", "{0}", "{-0}"],
  ["numeric[]", "{1.0}", "{1.00}"],
  ["numrange", "[1.0,2)", "[1.00,2)"],
  ["pair", "(1.0,a)", "(1.00,a)"],
  ["bpchar", "a", "a "],
  ['text COLLATE "caseless"', "a", "A"],
  ['varchar(5) COLLATE "caseless"', "a", "A"],
  ['char(5) COLLATE "caseless"', "a", "A"],
] as const;

const kinds = `
CREATE TABLE kinds (a int2, b int4, c int8, d float4, e float8, f numeric, g text, h varchar(9), i char(3), j uuid, k timestamp,
  l timestamptz, m date, n bool, o bytea, p int[], q jsonb, r geometry(Point, 4326), s interval, t money);
INSERT INTO kinds VALUES (1, 2, 3, 4.5, 5.5, 6.50, 'g', 'ü', 'i', '00000000-0000-0000-0000-00000000000a', '2020-01-01', '2020-01-01 12:00+02',
  '2020-02-03', true, 'x01', '{1,2}', '{"a": 1}', ST_SetSRID(ST_MakePoint(1, 2), 4326), '1 day', 5);
INSERT INTO kinds VALUES (7, NULL), (NULL, 8)`;

/** What backups of earlier versions have for this table, or of servers before PostgreSQL 14. */
const recorded = {
  columns: "6330359677372584321",
  "columns-utf8": "1959184922943366794",
  text: "18066240996567814612",
  "text-utf8": "6218601528979680545",
} as const;

describe("fingerprints of tables", function () {
  this.timeout(120_000);
  let container: string;
  let session: Session;

  before(async () => {
    container = await startServer();
    await sql(
      container,
      `CREATE COLLATION caseless (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
       CREATE DOMAIN hundredths AS numeric; CREATE TYPE pair AS (x numeric, y text); ${kinds}`,
    );
    const engine = directDocker(undefined);
    const request = { user: "postgres", database: "postgres" };
    const target = serverTarget(engine, await runningContainer(engine, container), request, "test");
    session = openSession(target, new AbortController().signal);
  });
  after(async () => {
    await session.close();
    await removeContainer(container);
  });

  async function fingerprint(table: string, method: FingerprintMethod = "values"): Promise<string> {
    const { oid } = await session.row(
      `SELECT 'public.${table}'::regclass::oid::text AS oid`,
      z.object({ oid: z.string() }),
    );
    const measured = await measureTables(session, inTransaction(session), [oid], { method, validity: false });
    return measured.get(oid)?.fingerprint ?? "";
  }
  /** The fingerprint of a table with such rows, which are SQL's. */
  async function of(columns: string, rows: string, method?: FingerprintMethod): Promise<string> {
    await sql(
      container,
      `DROP TABLE IF EXISTS one; CREATE TABLE one (${columns}); INSERT INTO one VALUES ${rows}`,
    );
    return fingerprint("one", method);
  }

  for (const [type, one, other] of equals)
    for (const method of ["values", "values-utf8"] as const)
      it(`tell ${type} ${one} from ${other} (${method})`, async () => {
        await of(`v ${type}`, `('${one}'), ('${other}')`, method);
        assert.equal(await sql(container, "SELECT count(DISTINCT v) FROM one"), "1", "they are equal");
        const first = await of(`v ${type}`, `('${one}')`, method);
        assert.equal(await of(`v ${type}`, `('${one}')`, method), first);
        assert.notEqual(await of(`v ${type}`, `('${other}')`, method), first);
      });

  it("see that two rows have swapped their values of a column, where the sum of their hashes is the same", async () => {
    // Such rows are rare, because the bits in which both pairs of hashes differ must be others.
    const found = await sql(
      container,
      `WITH hashed AS (SELECT g, hashint4extended(g, 1) AS a, hashint4extended(g, 2) AS b FROM generate_series(1, 1500) g),
       a AS (SELECT x.g AS one, y.g AS other, x.a # y.a AS bits FROM hashed x JOIN hashed y ON x.g < y.g
         ORDER BY bit_count((x.a # y.a)::bit(64)), 1, 2 LIMIT 1)
       SELECT format('%s %s %s %s', a.one, a.other, x.g, y.g) FROM a, hashed x JOIN hashed y ON x.g < y.g
       WHERE (x.b # y.b) & a.bits = 0 ORDER BY x.g, y.g LIMIT 1`,
    );
    const [a1, a2, b1, b2] = found.split(" ");
    const [before, after] = [`(${a1}, ${b1}), (${a2}, ${b2})`, `(${a1}, ${b2}), (${a2}, ${b1})`];
    const columns = "a int, b int";
    assert.equal(
      await of(columns, before, "columns"),
      await of(columns, after, "columns"),
      "it is such a case",
    );
    assert.notEqual(await of(columns, before), await of(columns, after));
  });

  it("do not depend on the order of rows, or of columns", async () => {
    const first = await of("a int, b text", "(1, 'x'), (2, 'y')");
    assert.equal(await of("b text, a int", "('y', 2), ('x', 1)"), first);
    assert.notEqual(await of("a int, b text", "(1, 'y'), (2, 'x')"), first);
    assert.notEqual(await of("a int, b text", "(1, 'x'), (2, 'y'), (2, 'y')"), first);
    assert.notEqual(await of("a int, b text", "(1, 'x'), (2, NULL)"), first);
  });

  for (const [method, expected] of Object.entries(recorded) as [FingerprintMethod, string][])
    it(`are those that earlier backups have: ${method}`, async () => {
      assert.equal(await fingerprint("kinds", method), expected);
    });
});
