import assert from "node:assert/strict";
import path from "node:path";
import { execa } from "execa";
import { failBackup, takeBackup } from "../support/backup";
import { startServer, TestContainer } from "../support/container";
import {
  ownLabel,
  removeContainer,
  removeFolder,
  removeVolume,
  sql,
  temporaryFolder,
  uniqueName,
} from "../support/resources";
import { restored } from "../support/restore-fixture";
import { restoreDirectory } from "../support/restored";
import { runRunner } from "../support/runner";

/** Whatever a database can set for its sessions that a long or exact one minds. */
const settings = {
  statement_timeout: "'1ms'",
  lock_timeout: "'1ms'",
  idle_in_transaction_session_timeout: "'100ms'",
  idle_session_timeout: "'500ms'",
  transaction_timeout: "'100ms'",
  default_transaction_isolation: "'serializable'",
  default_transaction_deferrable: "on",
  row_security: "off",
  standard_conforming_strings: "off",
  quote_all_identifiers: "on",
  exit_on_error: "on",
  xmloption: "document",
  datestyle: "'German, DMY'",
  intervalstyle: "'sql_standard'",
  timezone: "'Pacific/Chatham'",
  extra_float_digits: "-10",
  bytea_output: "'escape'",
  xmlbinary: "'hex'",
  lc_monetary: "'C'",
  search_path: "'odd', 'public'",
  client_encoding: "'LATIN1'",
  client_min_messages: "'debug1'",
};

/** Definitions and rows whose text depends on settings. */
const tables = `
CREATE SCHEMA odd;
CREATE TABLE season (d date CHECK (d >= '2020-01-31'), e date DEFAULT '2021-12-31', f float8 CHECK (f <> 0.1234567890123456789::float8),
  at timestamptz CHECK (at > '2020-01-01 00:00:00+00'), span interval DEFAULT '1 day 02:03:04', b bytea DEFAULT '\\x00ff5c',
  doc xml, word text CHECK (word <> E'back\\\\slash')) PARTITION BY RANGE (d);
CREATE TABLE season_2021 PARTITION OF season FOR VALUES FROM ('2021-01-01') TO ('2022-01-01');
CREATE INDEX ON season (d) WHERE d > '2021-02-28';
INSERT INTO season VALUES ('2021-05-31', DEFAULT, 0.1 + 0.2, '2021-05-31 12:00:00+02', DEFAULT, '\\x5c00ff', 'no document', 'é\\n''');
CREATE TABLE many AS SELECT i AS id, repeat(md5(i::text), 20) AS noise, i / 3.0::float8 AS f FROM generate_series(1, 60000) i;
ALTER TABLE many ADD PRIMARY KEY (id);`;

const contents = `SELECT md5(string_agg(s::text, ',' ORDER BY s.d)) FROM season s;
  SELECT count(*), md5(string_agg(m::text, ',' ORDER BY id)) FROM many m`;

/** In a session that none of these settings is for. */
async function contentsOf(container: string, database: string): Promise<string> {
  const own = {
    ...settings,
    datestyle: "ISO",
    intervalstyle: "postgres",
    bytea_output: "hex",
    timezone: "UTC",
  };
  const neutral = { ...own, extra_float_digits: "3", search_path: "public", client_encoding: "UTF8" };
  const off = Object.keys(settings).filter((name) => name.endsWith("_timeout"));
  const named = { ...neutral, ...Object.fromEntries(off.map((name) => [name, "0"])) };
  const options = Object.entries(named).map(
    ([name, value]) => `-c ${name}=${value.replaceAll(/'|,? /g, "")}`,
  );
  const psql = ["psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-U", "postgres", "-d", database, "-c", contents];
  const { stdout } = await execa("docker", [
    "exec",
    "-e",
    `PGOPTIONS=${options.join(" ")}`,
    container,
    ...psql,
  ]);
  return stdout;
}

describe("sessions in a database that has settings of its own", function () {
  this.timeout(240_000);
  let container: string;
  let folder: string;

  before(async () => {
    folder = await temporaryFolder();
    container = await startServer({ mount: folder });
  });
  after(async () => {
    await removeContainer(container);
    await removeFolder(folder);
  });

  const alter = (database: string) =>
    Object.entries(settings)
      .map(([name, value]) => `ALTER DATABASE ${database} SET ${name} = ${value};`)
      .join("\n");

  it("back up, prove and restore all the same, and stock tools bring the same back", async () => {
    await sql(container, "CREATE DATABASE source; CREATE DATABASE target; CREATE DATABASE stock");
    await sql(container, tables, "source");
    const expected = await contentsOf(container, "source");
    await sql(container, `${alter("source")}\n${alter("target")}`);
    for (const [name, more] of [
      ["whole", ["--verify", "restore"]],
      ["ranges", ["--jobs", "3", "--split-tables-from", "1000000"]],
      ["plain", ["--format", "plain"]],
    ] as const) {
      const selected = ["--database", "source", ...more];
      await takeBackup({ container, repository: folder, name, tables: ["season", "many"], more: selected });
    }
    const { stdout } = await execa("readlink", [path.join(folder, "ranges", "latest")]);
    await restoreDirectory(container, `/backups/ranges/${stdout}/archive`, "stock");
    assert.equal(await contentsOf(container, "stock"), expected);
    for (const name of ["whole", "plain"]) {
      await restored({
        container,
        repository: folder,
        name,
        database: "target",
        more: ["--if-exists", "replace"],
      });
      assert.equal(await contentsOf(container, "target"), expected, name);
    }
    const fill = ["--data-only", "--if-exists", "replace"];
    await restored({ container, repository: folder, name: "whole", database: "target", more: fill });
    assert.equal(await contentsOf(container, "target"), expected);
  });

  it("leave the loading itself to the settings of the target", async () => {
    await sql(container, "CREATE DATABASE there; ALTER DATABASE there SET timezone = 'Pacific/Chatham'");
    // No check may depend on that; but some do, and pg_restore loads their rows.
    const table = "CREATE TABLE visit (at timestamptz, day date CHECK (day = at::date)); ";
    await sql(container, `${table} INSERT INTO visit VALUES ('2021-05-31 23:00+00', '2021-06-01')`, "there");
    const options = { container, repository: folder, name: "visit", tables: ["visit"] };
    await takeBackup({ ...options, more: ["--database", "there"] });
    await sql(container, "DROP TABLE visit", "there");
    const { rows } = await restored({ container, repository: folder, name: "visit", database: "there" });
    assert.equal(rows, 1);
  });

  describe("without an encoding", () => {
    const bytes = "SET client_encoding = 'SQL_ASCII';";

    it("back up and restore bytes that are no text, as pg_dump by hand does", async () => {
      const encoding = "TEMPLATE template0 ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C'";
      await sql(container, `CREATE DATABASE raw ${encoding}; CREATE DATABASE raw2 ${encoding}`);
      await sql(
        container,
        `${bytes} CREATE TABLE "na\u00efve" (x text DEFAULT E'\\xe9' CHECK (x <> E'\\xff')); INSERT INTO "na\u00efve" VALUES (E'caf\\xe9'), ('caf\u00e9')`,
        "raw",
      );
      const more = ["--database", "raw", "--verify", "restore"];
      await takeBackup({ container, repository: folder, name: "raw", tables: ["*.*"], more });
      await restored({ container, repository: folder, name: "raw", database: "raw2" });
      const found = `SELECT encode(string_agg(x::bytea, ',' ORDER BY x), 'hex') FROM "na\u00efve"`;
      assert.equal(await sql(container, found, "raw2"), "636166c3a92c636166e9");
      await sql(
        container,
        `${bytes} CREATE FUNCTION say() RETURNS text LANGUAGE sql AS E'SELECT ''\\xe9''::text'; CREATE TABLE said (x text DEFAULT say())`,
        "raw",
      );
      const options = { container, repository: folder, name: "raw", tables: ["*.*"], more };
      assert.match(
        await failBackup(options),
        /^error\[not-carried\]: .*: function say\(\), whose definition is not valid UTF-8\./,
      );
      await sql(container, "DROP TABLE said", "raw");
      await sql(
        container,
        `${bytes} SELECT format('CREATE TABLE %I (x int)', convert_from('\\x62e9', 'SQL_ASCII')) \\gexec`,
        "raw",
      );
      assert.match(await failBackup(options), /^error\[table-name-invalid\]: .*not valid UTF-8/);
    });
  });
});

describe("a container whose file system is read-only", function () {
  this.timeout(120_000);

  it("is backed up, and restored into, without a writable /tmp", async () => {
    const folder = await temporaryFolder();
    const volume = uniqueName();
    const data = ["--volume", `${volume}:/var/lib/postgresql/data`];
    await execa("docker", ["volume", "create", ...ownLabel, volume]);
    const first = await startServer({ ownData: true, options: data });
    await sql(first, "CREATE TABLE t AS SELECT generate_series(1, 9) AS x; CREATE DATABASE n");
    await execa("docker", ["stop", first]);
    await removeContainer(first);
    const container = new TestContainer();
    try {
      const readOnly = ["--read-only", "--tmpfs", "/var/run/postgresql:mode=1777"];
      await container.run([...readOnly, ...data, "--volume", `${folder}:/backups`]);
      const { exitCode, stderr } = await runRunner(["ready", "--container", container.name]);
      assert.equal(exitCode, 0, stderr);
      await takeBackup({ container: container.name, repository: folder, tables: ["t"] });
      const { rows } = await restored({ container: container.name, repository: folder, database: "n" });
      assert.equal(rows, 9);
      assert.equal(await sql(container.name, "SELECT sum(x) FROM t", "n"), "45");
      const { stdout } = await execa("docker", ["exec", container.name, "ls", "/dev/shm"]);
      assert.doesNotMatch(stdout, /postgis_backup/);
    } finally {
      await container.remove();
      await removeVolume(volume);
      await removeFolder(folder);
    }
  });
});
