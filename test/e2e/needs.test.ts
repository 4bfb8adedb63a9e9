/** What tables need besides themselves: it comes along, or the backup says what it is. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { execa } from "execa";
import { failBackup, takeBackup } from "../support/backup";
import { startServer } from "../support/container";
import { imageOf } from "../support/images";
import { removeContainer, removeFolder, sql, temporaryFolder } from "../support/resources";
import { contentOf, restored } from "../support/restore-fixture";

/** Objects that refer to tables, and that an archive of these tables needs before its rows, indexes or policies. */
const overRows = `
CREATE TABLE parcel (id int PRIMARY KEY, w float8, h float8);
INSERT INTO parcel SELECT i, i, 2 FROM generate_series(1, 50) i;
CREATE FUNCTION parcel_area(parcel) RETURNS float8 LANGUAGE sql IMMUTABLE AS 'SELECT $1.w * $1.h';
REVOKE EXECUTE ON FUNCTION parcel_area(parcel) FROM PUBLIC; GRANT EXECUTE ON FUNCTION parcel_area(parcel) TO needs_reader;
COMMENT ON FUNCTION parcel_area(parcel) IS 'in square metres';
CREATE INDEX by_area ON parcel (parcel_area(parcel.*));
ALTER TABLE parcel ADD CONSTRAINT has_area CHECK (parcel_area(parcel.*) > 0);
CREATE FUNCTION same_parcel(parcel, parcel) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT $1.id = $2.id';
CREATE OPERATOR === (LEFTARG = parcel, RIGHTARG = parcel, FUNCTION = same_parcel);
ALTER TABLE parcel ENABLE ROW LEVEL SECURITY;
CREATE POLICY itself ON parcel USING (parcel === parcel);
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER large BEFORE UPDATE ON parcel FOR EACH ROW WHEN (parcel_area(NEW) > 10) EXECUTE FUNCTION touch();
CREATE STATISTICS sizes (ndistinct, dependencies) ON w, h FROM parcel; COMMENT ON STATISTICS sizes IS 'it''s related';
ALTER STATISTICS sizes SET STATISTICS 77;
CREATE TABLE owner (id int PRIMARY KEY, best parcel, all_of_them parcel[]);
INSERT INTO owner SELECT 1, p, ARRAY[p] FROM parcel p WHERE id = 7;
CREATE FUNCTION parcels_of(int) RETURNS bigint LANGUAGE sql STABLE BEGIN ATOMIC SELECT count(*) FROM parcel WHERE id > $1; END;
CREATE POLICY has_some ON owner USING (parcels_of(id) > 0);`;

/** Objects of kinds that are seldom met, and what is said about objects. */
const seldom = `
CREATE SCHEMA lib; COMMENT ON SCHEMA lib IS 'of all'; GRANT USAGE ON SCHEMA lib TO needs_reader; ALTER SCHEMA lib OWNER TO needs_owner;
CREATE ACCESS METHOD heap_own TYPE TABLE HANDLER heap_tableam_handler; COMMENT ON ACCESS METHOD heap_own IS 'as heap';
CREATE TYPE lib.grade AS ENUM ('a', 'b'); COMMENT ON TYPE lib.grade IS 'from a to b'; REVOKE USAGE ON TYPE lib.grade FROM PUBLIC;
GRANT USAGE ON TYPE lib.grade TO needs_reader;
CREATE TYPE lib.pair AS (low int, high int); COMMENT ON COLUMN lib.pair.low IS 'the lower';
CREATE DOMAIN lib.positive AS int CONSTRAINT above CHECK (VALUE > 0); COMMENT ON CONSTRAINT above ON DOMAIN lib.positive IS 'not 0';
CREATE FUNCTION lib.to_grade(int) RETURNS lib.grade LANGUAGE sql IMMUTABLE AS $$SELECT CASE WHEN $1 > 5 THEN 'b'::lib.grade ELSE 'a' END$$;
CREATE CAST (int AS lib.grade) WITH FUNCTION lib.to_grade(int);
CREATE TEXT SEARCH TEMPLATE lib.template (INIT = dsimple_init, LEXIZE = dsimple_lexize);
CREATE TEXT SEARCH DICTIONARY lib.dictionary (TEMPLATE = lib.template);
CREATE TEXT SEARCH PARSER lib.parser (START = prsd_start, GETTOKEN = prsd_nexttoken, END = prsd_end, LEXTYPES = prsd_lextype);
CREATE TEXT SEARCH CONFIGURATION lib.words (PARSER = lib.parser);
ALTER TEXT SEARCH CONFIGURATION lib.words ADD MAPPING FOR asciiword WITH lib.dictionary;
CREATE TABLE kept (n int, g lib.grade, p lib.pair, x lib.positive, t text, CHECK (n::lib.grade = g)) USING heap_own;
INSERT INTO kept VALUES (7, 'b', '(1,2)', 3, 'some words');
CREATE INDEX ON kept USING gin (to_tsvector('lib.words', t));
CREATE FUNCTION lib.only_named(int) RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE OPERATOR lib.### (LEFTARG = int, RIGHTARG = int, FUNCTION = int4mul); CREATE COLLATION lib.plain FROM "C";
CREATE TYPE lib.named_type AS ENUM (); CREATE SCHEMA lonely; CREATE SEQUENCE named_numbers; CREATE DOMAIN lib.object AS regclass;
CREATE TYPE lib.naming AS (f regprocedure[], o lib.object);
CREATE TABLE named (f regproc, n lib.naming[], o regoperator, t regtype, c regcollation, s regnamespace, r regrole, w regconfig);
INSERT INTO named VALUES ('lib.only_named', ARRAY[ROW('{lib.only_named(int)}', 'named_numbers')::lib.naming], 'lib.###(int,int)', 'lib.named_type[]',
  'lib.plain', 'lonely', 'needs_named', 'lib.words'), ('now', NULL, NULL, 'int', NULL, NULL, NULL, 'english');
CREATE SEQUENCE numbers; CREATE SEQUENCE others; SELECT setval('others', 41);
CREATE TABLE log (n int, x int); CREATE TABLE source (x int);
CREATE RULE r AS ON INSERT TO source DO ALSO INSERT INTO log VALUES (nextval('numbers'), NEW.x);
INSERT INTO source VALUES (1);
CREATE FUNCTION next_other() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT nextval('others')::int; END;
CREATE FUNCTION forbid() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER counts BEFORE UPDATE ON source FOR EACH ROW WHEN (next_other() > 0) EXECUTE FUNCTION forbid();`;

/** Tables that a backup of them alone could not bring back. */
const refused: readonly (readonly [title: string, statements: string, table: string, error: RegExp])[] = [
  [
    "a policy that reads another table",
    `CREATE TABLE team (id int); CREATE TABLE plot (team int); CREATE POLICY own ON plot USING (team IN (SELECT id FROM team))`,
    "plot",
    /^error\[reference-outside-selection\]: The policy own on table public\.plot needs public\.team, which is not selected/,
  ],
  [
    "a rule that writes another table",
    `CREATE TABLE journal (x int); CREATE TABLE entry (x int); CREATE RULE also AS ON INSERT TO entry DO ALSO INSERT INTO journal VALUES (NEW.x)`,
    "entry",
    /^error\[reference-outside-selection\]: The rule also on table public\.entry needs public\.journal/,
  ],
  [
    "a column of another table's row type, within a composite type, within an array",
    `CREATE TABLE address (street text); CREATE TYPE place AS (home address); CREATE TABLE person (places place[])`,
    "person",
    /^error\[reference-outside-selection\]: The table public\.person needs public\.address/,
  ],
  [
    "a trigger whose condition calls a function that reads another table",
    `CREATE TABLE limits (x int); CREATE FUNCTION most() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT max(x) FROM limits; END;
     CREATE TABLE amount (x int); CREATE FUNCTION pass() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
     CREATE TRIGGER few BEFORE INSERT ON amount FOR EACH ROW WHEN (most() > 0) EXECUTE FUNCTION pass()`,
    "amount",
    /^error\[reference-outside-selection\]: The trigger few on table public\.amount needs public\.limits/,
  ],
  [
    "a default that takes the identity of another table",
    `CREATE TABLE numbered (id int GENERATED ALWAYS AS IDENTITY); CREATE TABLE follower (id int DEFAULT nextval('numbered_id_seq'))`,
    "follower",
    /^error\[reference-outside-selection\]: The default value for column id of table public\.follower needs public\.numbered/,
  ],
  [
    "a column of a view's row type",
    `CREATE VIEW v AS SELECT 1 AS a; CREATE TABLE hist (k v)`,
    "hist",
    /^error\[not-carried\]: .*table public\.hist needs the view public\.v, and a backup of tables holds no views/,
  ],
  [
    "a policy that reads a materialized view",
    `CREATE MATERIALIZED VIEW m AS SELECT 1 AS a; CREATE TABLE seen (k int); CREATE POLICY few ON seen USING (k IN (SELECT a FROM m))`,
    "seen",
    /^error\[not-carried\]: .*policy few on table public\.seen needs the materialized view public\.m/,
  ],
  [
    "a composite type of a column that has a selected table's row type",
    `CREATE TABLE inner_one (a int); CREATE TYPE of_inner AS (i inner_one); CREATE TABLE outer_one (o of_inner)`,
    "*er_one",
    /^error\[not-carried\]: .*table public\.outer_one needs type public\.of_inner, which itself needs a table of the backup/,
  ],
  [
    "a default by a function that reads a selected table",
    `CREATE TABLE base_of (a int); CREATE FUNCTION base_count() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT count(*) FROM base_of; END;
     CREATE TABLE top_of (n bigint DEFAULT base_count())`,
    "*_of",
    /^error\[not-carried\]: .*default value for column n of table public\.top_of needs function public\.base_count\(\)/,
  ],
  [
    "a partition without its table",
    "CREATE TABLE by_year (y int) PARTITION BY LIST (y); CREATE TABLE by_year_2020 PARTITION OF by_year FOR VALUES IN (2020)",
    "by_year_2020",
    /^error\[reference-outside-selection\]: The partition public\.by_year_2020 needs public\.by_year, which is not selected/,
  ],
  [
    "a row that names another table",
    "CREATE TABLE roads (id int); CREATE TABLE layers (t regclass[]); INSERT INTO layers VALUES ('{roads}')",
    "layers",
    /^error\[reference-outside-selection\]: The content of table public\.layers needs public\.roads, which is not selected/,
  ],
  [
    "a row that names an index, and one that names a view",
    `CREATE TABLE keyed (id int PRIMARY KEY); CREATE VIEW first_of AS SELECT 1 AS a; CREATE TABLE naming (t regclass);
     INSERT INTO naming VALUES ('keyed_pkey'), ('first_of')`,
    "naming",
    /^error\[not-carried\]: .*rows of public\.naming name the index public\.keyed_pkey, which is not there.*content of table public\.naming needs the view public\.first_of/,
  ],
  [
    "an identity of a column that has a default in the table that it inherits from",
    "CREATE TABLE elder (id int DEFAULT 7); CREATE TABLE younger (id int GENERATED ALWAYS AS IDENTITY) INHERITS (elder)",
    "elder",
    /^error\[not-carried\]: .*column id of public\.younger is an identity, while the table that it inherits from has a default/,
  ],
];

describe("what tables need", function () {
  this.timeout(180_000);
  let container: string;
  let repository: string;

  before(async () => {
    repository = await temporaryFolder();
    container = await startServer({ mount: repository });
    await sql(container, "CREATE ROLE needs_reader; CREATE ROLE needs_owner; CREATE ROLE needs_named");
  });
  after(async () => {
    await removeContainer(container);
    await removeFolder(repository);
  });

  /** A database of its own. */
  async function database(name: string, statements: string): Promise<string> {
    await sql(container, `CREATE DATABASE ${name}`);
    await sql(container, statements, name);
    return name;
  }

  const backup = (name: string, tables: readonly string[], ...more: string[]) => {
    const options = { container, repository, name, tables };
    return takeBackup({ ...options, more: ["--database", name, ...more] });
  };

  async function broughtBack(restoreCommand: string, from: string, schemas: readonly string[]) {
    await execa("bash", ["-euo", "pipefail", "-c", restoreCommand]);
    const restored = `${from}_restored`;
    assert.deepEqual(
      await contentOf(container, restored, schemas),
      await contentOf(container, from, schemas),
    );
    return restored;
  }

  for (const format of ["directory", "custom"]) {
    it(`comes back with stock tools, where it refers to the tables itself: ${format}`, async () => {
      const name = await database(`rows_${format}`, overRows);
      const { result, manifest } = await backup(name, ["*"], "--format", format);
      assert.ok(manifest.files.some((file) => file.path === "after-tables.sql"));
      assert.match(result.restoreCommand, /after-tables\.sql/);
      assert.match(await readFile(path.join(result.location, "RESTORE.md"), "utf8"), /< after-tables\.sql/);
      assert.doesNotMatch(await readFile(path.join(result.location, "prepare.sql"), "utf8"), /parcel/);
      const restored = await broughtBack(result.restoreCommand, name, ["public"]);
      const said = `SELECT proacl, obj_description(oid, 'pg_proc') FROM pg_proc WHERE proname = 'parcel_area';
        SELECT to_jsonb(s) ->> 'stxstattarget', obj_description(oid, 'pg_statistic_ext') FROM pg_statistic_ext s`;
      assert.equal(await sql(container, said, restored), await sql(container, said, name));
      assert.match(
        await sql(container, said, restored),
        /needs_reader[^]*square metres[^]*77\\|it's related/,
      );
    });
  }

  it("is refused of a plain archive where it goes between the tables and their rows", async () => {
    const name = await database("rows_plain", overRows);
    const options = { container, repository, name, tables: ["*"] };
    const said = await failBackup({ ...options, more: ["--database", name, "--format", "plain"] });
    assert.match(
      said,
      /^error\[not-carried\]: A plain archive cannot bring back .*function public\.parcel_area\(public\.parcel\)/,
    );
  });

  it("comes back with owners, grants and comments, whatever kind of object it is", async () => {
    const name = await database("seldom", seldom);
    const { result, manifest } = await backup(name, ["*"]);
    assert.deepEqual(
      manifest.requires.sequences.map((sequence) => sequence.name),
      ["named_numbers", "numbers", "others"],
    );
    assert.ok(manifest.requires.roles.includes("needs_named"));
    assert.ok(manifest.requires.schemas.includes("lonely"));
    const restored = await broughtBack(result.restoreCommand, name, ["public", "lib"]);
    const said = `SELECT nspowner::regrole, nspacl, obj_description(oid, 'pg_namespace') FROM pg_namespace WHERE nspname = 'lib';
      SELECT typname, typacl, obj_description(oid, 'pg_type') FROM pg_type WHERE typname IN ('grade', 'pair', 'positive') ORDER BY 1;
      SELECT obj_description(oid, 'pg_am') FROM pg_am WHERE amname = 'heap_own';
      SELECT col_description('lib.pair'::regclass, 1), obj_description((SELECT oid FROM pg_constraint WHERE conname = 'above'), 'pg_constraint');
      SELECT amname FROM pg_class c JOIN pg_am a ON a.oid = relam WHERE relname = 'kept'; SELECT 9::lib.grade`;
    assert.equal(await sql(container, said, restored), await sql(container, said, name));
    assert.match(
      await sql(container, said, restored),
      /^needs_owner\\|.*needs_reader=U.*of all[^]*needs_reader=U.*from a to b[^]*as heap\nthe lower\\|not 0\nheap_own\nb$/,
    );
  });

  it("is named where stock tools cannot run a function, with what lets them", async () => {
    const area = (name: string) =>
      `CREATE FUNCTION ${name}(geometry) RETURNS float8 LANGUAGE sql IMMUTABLE AS 'SELECT st_area($1)';`;
    const name = await database(
      "barely",
      `CREATE EXTENSION IF NOT EXISTS postgis; ${["stored", "checked", "unused"].map(area).join(" ")}
       CREATE TABLE shapes (g geometry CHECK (checked(g) > 0), a float8 GENERATED ALWAYS AS (stored(g)) STORED);
       INSERT INTO shapes VALUES ('POLYGON((0 0,0 1,1 1,0 0))');`,
    );
    const before = await backup(name, ["shapes"]);
    const [said = "", ...others] = before.stderr.split("\n").filter((line) => line.startsWith("warning: "));
    assert.deepEqual(others, []);
    for (const used of ["stored", "checked"])
      assert.ok(said.includes(`public.${used}(public.geometry)`), said);
    assert.doesNotMatch(said, /unused/);
    await assert.rejects(broughtBack(before.result.restoreCommand, name, ["public"]), /st_area\(/);
    await sql(container, "DROP DATABASE barely_restored");
    for (const used of ["stored", "checked"])
      await sql(container, `ALTER FUNCTION ${used} SET search_path = public`, name);
    await sql(container, "DROP FUNCTION unused", name);
    const after = await backup(name, ["shapes"]);
    assert.doesNotMatch(after.stderr, /warning: /);
    await broughtBack(after.result.restoreCommand, name, ["public"]);
  });

  it("is named where it cannot come back, and nothing is left", async () => {
    await sql(container, "CREATE DATABASE refusing");
    for (const [title, statements, table, error] of refused) {
      await sql(container, statements, "refusing");
      const options = { container, repository, name: "refusing", tables: [table] };
      assert.match(await failBackup({ ...options, more: ["--database", "refusing"] }), error, title);
    }
    assert.ok(!existsSync(path.join(repository, "refusing")));
  });

  it("is added, where it is a table, and what that needs", async () => {
    const name = await database(
      "adding",
      `CREATE TABLE far (id int PRIMARY KEY); CREATE TABLE team (id int, far int REFERENCES far); CREATE TABLE plot (team int);
       CREATE POLICY own ON plot USING (team IN (SELECT id FROM team))`,
    );
    const { manifest, result } = await backup(name, ["plot"], "--missing-references", "include");
    assert.deepEqual(
      manifest.tables.map((table) => table.name),
      ["far", "plot", "team"],
    );
    await broughtBack(result.restoreCommand, name, ["public"]);
  });
});

/** Since version 17, the server makes no such index. */
describe("an index over a function that names others without their schemas", function () {
  this.timeout(180_000);
  let [container, repository] = ["", ""];

  before(async () => {
    repository = await temporaryFolder();
    container = await startServer({ mount: repository, image: await imageOf("15-3.3") });
    await sql(container, "CREATE DATABASE gis");
    await sql(
      container,
      `CREATE EXTENSION postgis; CREATE FUNCTION area(geometry) RETURNS float8 LANGUAGE sql IMMUTABLE AS 'SELECT st_area($1)';
       CREATE TABLE shapes (id int, g geometry, c regclass, o oid, note text);
       CREATE INDEX ON shapes (area(g)); CREATE INDEX ON shapes (id) WHERE area(g) > 1; SELECT lo_create(4711);
       ALTER TABLE shapes ALTER note SET STORAGE PLAIN;
       INSERT INTO shapes SELECT g, 'POLYGON((0 0,0 1,1 1,0 0))', 'shapes', 1, repeat('x', 1500) FROM generate_series(1, 30000) g;`,
      "gis",
    );
  });
  after(async () => {
    await removeContainer(container);
    await removeFolder(repository);
  });

  const rows =
    "SELECT count(*), sum(area(g)), min(c::text), sum(o::int), md5(string_agg(note || id, ',' ORDER BY id)) FROM shapes";

  for (const { title, more, tables } of [
    { title: "tables", more: ["--verify", "restore"], tables: ["shapes"] },
    { title: "ranges of tables", more: ["--jobs", "4", "--split-tables-from", "1"], tables: ["shapes"] },
    { title: "a whole database", more: ["--all", "--verify", "restore"], tables: [] },
  ])
    it(`keeps nobody from backing up and restoring ${title}`, async () => {
      const options = { container, repository, name: "shapes" };
      const { stderr } = await takeBackup({ ...options, tables, more: ["--database", "gis", ...more] });
      assert.match(
        stderr,
        title.startsWith("ranges") ? /public\.shapes in \d+ ranges/ : /Restoring the backup/,
      );
      await restored({ ...options, database: "new", more: ["--create-database"] });
      assert.equal(await sql(container, rows, "new"), await sql(container, rows, "gis"));
      await sql(container, "DROP DATABASE new");
    });
});
