/** Restores of what a staging schema, a comparison of names or a search path of nothing would break. */
import assert from "node:assert/strict";
import { execa } from "execa";
import { failBackup, takeBackup } from "../support/backup";
import { sessionRunning } from "../support/backup-fixture";
import { docker, startServer } from "../support/container";
import { removeContainer, removeFolder, sql, temporaryFolder } from "../support/resources";
import { refused, remainsOf, restoreArguments, restored } from "../support/restore-fixture";
import { runnerMain } from "../support/runner";

/** Each of these is brought back by pg_restore, some of them not even by that. */
const oddTables = `
CREATE TABLE lut (id int PRIMARY KEY, label text); INSERT INTO lut VALUES (1, 'a');
CREATE FUNCTION label_of(int) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT label FROM public.lut WHERE id = $1';
CREATE TABLE feat (k int); INSERT INTO feat VALUES (1); CREATE INDEX by_label ON feat (label_of(k));
CREATE TABLE layer (tbl regclass); INSERT INTO layer VALUES ('lut');
CREATE TABLE obs (id int, y int, PRIMARY KEY (id, y)) PARTITION BY LIST (y);
CREATE TABLE obs_2019 PARTITION OF obs FOR VALUES IN (2019); CREATE TABLE obs_2020 PARTITION OF obs FOR VALUES IN (2020);
CREATE TABLE note (obs int, y int, FOREIGN KEY (obs, y) REFERENCES obs);
ALTER TABLE obs DETACH PARTITION obs_2019; DROP TABLE obs_2019;
INSERT INTO obs VALUES (1, 2020); INSERT INTO note VALUES (1, 2020);
CREATE FUNCTION is_good(g geometry) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN ST_IsValid(g); END';
CREATE FUNCTION ha(geometry) RETURNS float8 LANGUAGE sql IMMUTABLE AS 'SELECT ST_Area($1) / 10000';
CREATE TABLE field (g geometry CHECK (is_good(g)), ha float8 GENERATED ALWAYS AS (ha(g)) STORED);
INSERT INTO field VALUES ('POLYGON((0 0,100 0,100 100,0 0))');
CREATE FUNCTION small(int) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT $1 < 100';
CREATE FUNCTION allowed(int) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT small($1)';
ALTER TABLE lut ADD CHECK (allowed(id));
CREATE TYPE kind AS ENUM ('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'); CREATE TABLE by_kind (k kind, n int) PARTITION BY LIST (n);
CREATE TABLE by_kind_1 PARTITION OF by_kind FOR VALUES IN (1) PARTITION BY HASH (k);
CREATE TABLE by_kind_1a PARTITION OF by_kind_1 FOR VALUES WITH (MODULUS 3, REMAINDER 0);
CREATE TABLE "by kind
1b" PARTITION OF by_kind_1 FOR VALUES WITH (MODULUS 3, REMAINDER 1);
CREATE TABLE by_kind_1c PARTITION OF by_kind_1 FOR VALUES WITH (MODULUS 3, REMAINDER 2);
INSERT INTO by_kind SELECT k, 1 FROM unnest(enum_range(NULL::kind)) k, generate_series(1, 10);
CREATE ACCESS METHOD own_heap TYPE TABLE HANDLER heap_tableam_handler; CREATE TABLE in_own_heap (x int) USING own_heap;
CREATE SEQUENCE counter; CREATE TABLE log (n int);
CREATE RULE count AS ON INSERT TO log DO ALSO SELECT nextval('counter'); INSERT INTO log VALUES (1);`;

const content = (container: string, database: string) =>
  sql(
    container,
    `SELECT (SELECT string_agg(k::text, ',') FROM feat), (SELECT tbl FROM layer), (SELECT count(*) FROM note),
       (SELECT ha FROM field), (SELECT count(*) FROM log), (SELECT last_value FROM counter),
       (SELECT proconfig IS NULL FROM pg_proc WHERE proname = 'is_good'),
       (SELECT string_agg(format('%s', relacl), ',') FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relname IN ('feat', 'counter')),
       (SELECT proacl FROM pg_proc WHERE proname = 'ha')`,
    database,
  );

describe("a restore under the final names", function () {
  this.timeout(400_000);
  let container: string;
  let repository: string;
  let databases = 0;

  before(async () => {
    repository = await temporaryFolder();
    container = await startServer({ mount: repository });
    await sql(container, oddTables);
    await takeBackup({ container, repository, tables: ["*.*"] });
  });
  after(async () => {
    await removeContainer(container);
    await removeFolder(repository);
  });

  async function newDatabase(): Promise<string> {
    const name = `direct${++databases}`;
    await sql(container, `CREATE DATABASE ${name} TEMPLATE template0`);
    return name;
  }

  it("brings back what pg_restore does, and functions that name PostGIS barely, with the rights of the source", async () => {
    const database = await newDatabase();
    await sql(
      container,
      `CREATE ROLE app; ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO app; ALTER DEFAULT PRIVILEGES GRANT ALL ON SEQUENCES TO app;
       ALTER DEFAULT PRIVILEGES REVOKE ALL ON FUNCTIONS FROM PUBLIC; ALTER DEFAULT PRIVILEGES GRANT ALL ON SCHEMAS TO app`,
      database,
    );
    await restored({ container, repository, database });
    const usual = "SELECT acldefault('r', 10), acldefault('s', 10), acldefault('f', 10)";
    const [table = "", sequence = "", routine = ""] = (await sql(container, usual)).split("|");
    const expected = (await content(container, "postgres")).split("|");
    const found = (await content(container, database)).split("|");
    assert.deepEqual(found.slice(0, 7), expected.slice(0, 7));
    assert.deepEqual(
      found[7]?.replaceAll(/\},\{/g, "} {").split(" ").toSorted(),
      [sequence, table].toSorted(),
    );
    assert.equal(found[8], routine);
    assert.deepEqual(await remainsOf(container, [database]), []);
  });

  it("is refused where names are taken, or the database takes no changes, also in a dry run that runs nothing", async () => {
    const database = await newDatabase();
    await sql(container, "CREATE TABLE other (x int); CREATE INDEX by_label ON other (x)", database);
    for (const more of [[], ["--dry-run"]]) {
      const stderr = await refused({ container, repository, database, more });
      assert.match(stderr, /^error\[table-exists\]: .*index public\.by_label \(there is index by_label\)/m);
    }
    await sql(container, `ALTER DATABASE ${database} SET default_transaction_read_only = on`, database);
    assert.match(
      await refused({ container, repository, database }),
      /^error\[requirement-missing\]: .*default_transaction_read_only is on/,
    );
    const free = await newDatabase();
    const before = await sql(container, "SELECT max(oid) FROM pg_database");
    const result = await restored({ container, repository, database: free, more: ["--dry-run"] });
    assert.deepEqual([result.restored, result.tableCount], [false, 14]);
    // No database was made in which anything could have been run.
    const made = `CREATE DATABASE marker; SELECT oid::int8 - ${before} FROM pg_database WHERE datname = 'marker'`;
    assert.ok(Number(await sql(container, made)) < 50);
    assert.deepEqual(await remainsOf(container, [free]), []);
  });

  it("of rows that come to other partitions, by the hash of an enum, has them all", async () => {
    for (const format of ["directory", "custom", "plain"]) {
      const more = ["--format", format, "--verify", "restore"];
      await takeBackup({ container, repository, name: format, tables: ["by_kind"], more });
      const database = await newDatabase();
      for (const again of [[], ["--data-only", "--if-exists", "replace"]]) {
        await restored({ container, repository, name: format, database, more: again });
        const counted = "SELECT count(*), count(DISTINCT k) FROM by_kind";
        assert.equal(await sql(container, counted, database), "80|8", format);
      }
    }
  });

  it("that is killed is taken back by the next one, which drops nothing that others made or depend on", async () => {
    const database = await newDatabase();
    await sql(
      container,
      "CREATE TABLE large AS SELECT g, repeat('x', 100) x FROM generate_series(1, 300000) g",
    );
    await takeBackup({
      container,
      repository,
      name: "large",
      tables: ["large", "feat", "lut", "obs", "obs_2020"],
    });
    const args = restoreArguments({ container, repository, name: "large", database });
    const child = execa("node", [runnerMain, ...args], { reject: false });
    await sessionRunning(container, "COPY %large% FROM %");
    child.kill("SIGKILL");
    await child;
    // The record is there, and says what is half done; somebody's own objects are not in it.
    const record = await sql(
      container,
      "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'postgis_backup_restore%'",
      database,
    );
    assert.match(
      await sql(
        container,
        `SELECT string_agg(identity, ' ' ORDER BY identity) FROM ${record}.made WHERE type = 'table'`,
        database,
      ),
      /^public\.feat public\.large public\.lut public\.obs public\.obs_2020$/,
    );
    await sql(container, "CREATE VIEW seen AS SELECT k FROM feat; CREATE TABLE mine (x int)", database);
    // Half of a table is never backed up, and what others made is.
    const half = { container, repository, name: "half", more: ["--database", database] };
    assert.match(
      await failBackup({ ...half, tables: ["*.*"] }),
      /^error\[restore-in-progress\]: An unfinished restore makes .*public\.large/,
    );
    const without = ["feat", "large", "lut", "obs*"].flatMap((table) => ["--exclude-table", table]);
    const whole = await takeBackup({ ...half, tables: ["*.*"], more: [...half.more, ...without] });
    assert.deepEqual(
      whole.manifest.tables.map(({ name }) => name),
      ["mine"],
    );
    const options = { container, repository, name: "large", database };
    // Whether its row was loaded already, is chance.
    const seen = await sql(container, "SELECT count(*) FROM seen", database);
    assert.match(
      await refused(options),
      /^error\[dependent-object\]: .*table public\.feat: .*rule _RETURN on view public\.seen/,
    );
    assert.equal(await sql(container, "SELECT count(*) FROM seen", database), seen);
    await sql(container, "DROP VIEW seen", database);
    // Whoever else could write the record is not followed.
    await sql(container, `CREATE ROLE mallory; ALTER SCHEMA ${record} OWNER TO mallory`, database);
    assert.match(
      await refused(options),
      /^error\[privilege-missing\]: .*role "mallory" or others can write there/,
    );
    await sql(
      container,
      `ALTER SCHEMA ${record} OWNER TO postgres; INSERT INTO ${record}.made VALUES ('pg_class'::regclass, 'mine'::regclass, 'table', 'public.other')`,
      database,
    );
    await restored(options);
    assert.equal(
      await sql(container, "SELECT (SELECT count(*) FROM large), (SELECT count(*) FROM mine)", database),
      "300000|0",
    );
    assert.deepEqual(await remainsOf(container, [database]), []);
  });

  it("in place of tables builds an index by what the new tables say, whose function looks up another one", async () => {
    const database = await newDatabase();
    const tables = ["feat", "lut"];
    await takeBackup({ container, repository, name: "lookup", tables });
    const options = { container, repository, name: "lookup", database };
    await restored(options);
    await sql(container, "UPDATE lut SET label = 'other'", database);
    assert.deepEqual((await restored({ ...options, more: ["--if-exists", "replace"] })).notes, []);
    const found = (label: string) =>
      `SET enable_seqscan = off; SELECT count(*) FROM feat WHERE label_of(k) = '${label}'`;
    assert.equal(await sql(container, found("a"), database), "1");
    assert.equal(await sql(container, found("other"), database), "0");
  });

  it("of rows only turns triggers off where that is asked for, and brings tables that refer to each other in a circle", async () => {
    const tables = `CREATE TABLE a (id int PRIMARY KEY, at timestamptz, b int); CREATE TABLE b (id int PRIMARY KEY, a int REFERENCES a);
      ALTER TABLE a ADD CONSTRAINT to_b FOREIGN KEY (b) REFERENCES b;
      CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN IF NEW.id > 1 THEN RETURN NULL; END IF; NEW.at := now(); RETURN NEW; END';`;
    const trigger = "CREATE TRIGGER t BEFORE INSERT OR UPDATE ON a FOR EACH ROW EXECUTE FUNCTION touch();";
    const [source, database] = [await newDatabase(), await newDatabase()];
    const rows =
      "INSERT INTO a VALUES (1, '2020-01-01'), (2, '2020-01-02'); INSERT INTO b VALUES (1, 1), (2, 2); UPDATE a SET b = id;";
    await sql(container, `${tables} ${rows} ${trigger}`, source);
    await sql(container, `${tables} ${trigger} ALTER TABLE a ENABLE ALWAYS TRIGGER t`, database);
    await takeBackup({
      container,
      repository,
      name: "circle",
      tables: ["a", "b"],
      more: ["--database", source],
    });
    const into = { container, repository, name: "circle", database };
    // The trigger lets only one row in.
    const stderr = await refused({ ...into, more: ["--data-only"] });
    assert.match(stderr, /^error\[server-error\]: .*These triggers fired.*: t of public\.a\. Turn them off/s);
    assert.equal(await sql(container, "SELECT count(*) FROM a", database), "0");
    const { notes } = await restored({ ...into, more: ["--data-only", "--table-triggers", "disable"] });
    assert.match(notes.join(), /Triggers did not fire: t of public\.a/);
    const query = "SELECT string_agg(a::text, ' ' ORDER BY id) FROM a";
    assert.equal(await sql(container, query, database), await sql(container, query, source));
    const state =
      "SELECT tgenabled, (SELECT string_agg(condeferrable::text, '') FROM pg_constraint WHERE contype = 'f') FROM pg_trigger WHERE tgname = 't'";
    assert.equal(await sql(container, state, database), "A|falsefalse");
  });

  it("of rows only lets triggers fire that leave the rows as they are, and says so", async () => {
    const tables = "CREATE TABLE fired (x int); CREATE TABLE seen (x int)";
    const [source, database] = [await newDatabase(), await newDatabase()];
    await sql(container, `${tables}; INSERT INTO fired VALUES (1), (2)`, source);
    await sql(
      container,
      `${tables}; CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO public.seen VALUES (NEW.x); RETURN NULL; END';
       CREATE TRIGGER t AFTER INSERT ON fired FOR EACH ROW EXECUTE FUNCTION see()`,
      database,
    );
    const options = { container, repository, name: "fired" };
    await takeBackup({ ...options, tables: ["fired"], more: ["--database", source] });
    const fill = { ...options, database, more: ["--data-only"] };
    const seen = "SELECT string_agg(x::text, ' ' ORDER BY x) FROM seen";
    const { notes } = await restored(fill);
    assert.deepEqual(notes, ["Triggers fired: t of public.fired."]);
    assert.equal(await sql(container, seen, database), "1 2");
    await sql(
      container,
      `TRUNCATE fired, seen; CREATE FUNCTION add() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.x := NEW.x + 1; RETURN NEW; END';
       CREATE TRIGGER u BEFORE INSERT ON fired FOR EACH ROW EXECUTE FUNCTION add()`,
      database,
    );
    const stderr = await refused(fill);
    assert.match(
      stderr,
      /^error\[restore-mismatch\]: .*\nThese triggers fired.*: t of public\.fired, u of public\.fired\./s,
    );
    await restored({ ...fill, more: ["--data-only", "--table-triggers", "disable"] });
    assert.equal(await sql(container, seen, database), "");
    assert.equal(
      await sql(container, "SELECT string_agg(x::text, ' ' ORDER BY x) FROM fired", database),
      "1 2",
    );
  });

  it("puts new tables into the publications of those that they replace, and says what they lack", async () => {
    await sql(
      container,
      "CREATE PUBLICATION p FOR TABLE feat (k) WHERE (k > 0); COMMENT ON TABLE feat IS 'later'",
    );
    const more = ["--table", "feat", "--table", "lut", "--if-exists", "swap"];
    const { notes, swappedInto } = await restored({ container, repository, more });
    assert.match(notes.join(), /public\.feat had what the backup does not have: comment\./);
    const published =
      "SELECT schemaname, tablename, attnames, rowfilter FROM pg_publication_tables WHERE pubname = 'p'";
    assert.equal(await sql(container, published), "public|feat|{k}|(k > 0)");
    await sql(container, `DROP SCHEMA ${swappedInto[0] ?? ""} CASCADE; DROP PUBLICATION p`);
    assert.equal(
      (await docker("exec", container, "sh", "-c", "ls -d /tmp/postgis_backup* 2>/dev/null")).output,
      "",
    );
  });
});
