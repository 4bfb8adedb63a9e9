/** Servers as users have them: ones that follow another, images with other tools, odd names. */
import assert from "node:assert/strict";
import path from "node:path";
import { execa } from "execa";
import { backupKey } from "../../runner/backup/plan";
import { failBackup, takeBackup } from "../support/backup";
import { busyboxImage } from "../support/busybox";
import { docker, startServer, TestContainer } from "../support/container";
import { speakGerman } from "../support/german";
import { type Pair, setSettings, startStandby } from "../support/hot-standby";
import {
  freePort,
  ownLabel,
  removeContainer,
  removeFolder,
  removeNetwork,
  sql,
  temporaryFolder,
  uniqueName,
} from "../support/resources";
import { contentOf, fixtureSelection, fixtureTables, refused, restored } from "../support/restore-fixture";
import { failureOf, runRunner } from "../support/runner";
import { waitUntil } from "../support/wait";
import { dumpOf, makeDatabase, settingsOf } from "../support/whole-database";

const schemas = ["public", "App", "nl", "lib"];

/** Databases of the server: tables, of many kinds, and gis, with one of nearly each kind of object. */
async function fillServer(container: string): Promise<void> {
  await makeDatabase(container);
  await sql(container, "CREATE DATABASE tables");
  const tables = (await fixtureTables()).replace("CREATE ROLE reader;", "");
  await sql(container, `CREATE EXTENSION postgis; ${tables}`, "tables");
}

describe("a hot standby", function () {
  this.timeout(240_000);
  let repository: string;
  let pair: Pair;
  let network: string;
  let port: number;
  const publish = () => ["--publish", `127.0.0.1:${port}:5432`];

  before(async () => {
    repository = await temporaryFolder();
    const prepare = async (primary: string) => {
      await fillServer(primary);
      await sql(primary, `ALTER TABLE "Odd Schema"."Odd ""Table""" SET LOGGED`, "gis");
      await sql(primary, "CREATE DATABASE fast");
      await sql(
        primary,
        `CREATE UNLOGGED TABLE cache (id int GENERATED ALWAYS AS IDENTITY, v int); INSERT INTO cache (v) VALUES (7);
         CREATE TABLE kept AS SELECT 1 AS x`,
        "fast",
      );
    };
    port = await freePort();
    network = uniqueName();
    await execa("docker", ["network", "create", "--internal", ...ownLabel, network]);
    pair = await startStandby({ mount: repository, prepare, options: publish() });
  });
  after(async () => {
    await pair.remove();
    await removeNetwork(network);
    await removeFolder(repository);
  });

  for (const more of [
    ["--format", "directory", "--jobs", "2", "--split-tables-from", "1", "--verify", "restore"],
    ["--format", "custom"],
    ["--format", "plain"],
  ])
    it(`is backed up like its primary: tables, ${more[1]}`, async () => {
      const name = `tables-${more[1]}`;
      const options = { container: pair.standby, repository, name, tables: fixtureSelection };
      await takeBackup({ ...options, more: ["--database", "tables", ...more] });
      const database = `tables_${more[1]}`;
      await restored({
        ...{ container: pair.primary, repository, name, database },
        more: ["--create-database", "--missing-roles", "create"],
      });
      assert.deepEqual(
        await contentOf(pair.primary, database, schemas),
        await contentOf(pair.primary, "tables", schemas),
      );
    });

  it("is backed up like its primary: a whole database", async () => {
    const more = ["--database", "gis", "--all", "--verify", "restore"];
    await takeBackup({ container: pair.standby, repository, name: "all", tables: [], more });
    const into = { container: pair.primary, repository, name: "all", database: "gis_copy" };
    await restored({ ...into, more: ["--create-database"] });
    assert.deepEqual(await dumpOf(pair.primary, "gis_copy"), await dumpOf(pair.primary, "gis"));
    assert.equal(await settingsOf(pair.primary, "gis_copy"), await settingsOf(pair.primary, "gis"));
  });

  it("shares the rows of unchanged tables with its last backup", async () => {
    const large = "AS SELECT g, rpad(md5(g::text), 150, 'x') AS note FROM generate_series(1, 9000) g;";
    await sql(pair.primary, `CREATE TABLE same ${large} CREATE TABLE grows ${large}`, "fast");
    await pair.follow();
    const more = ["--database", "fast", "--format", "directory", "--full-every", "7d"];
    const options = { container: pair.standby, repository, name: "shared", tables: ["same", "grows"], more };
    await takeBackup(options);
    await sql(pair.primary, "INSERT INTO grows VALUES (0, 'new')", "fast");
    await pair.follow();
    const { manifest } = await takeBackup(options);
    const shared = manifest.tables.filter(({ sharedFrom }) => sharedFrom !== undefined);
    assert.deepEqual(
      shared.map(({ name }) => name),
      ["same"],
    );
  });

  it("has no rows of unlogged tables, and none are left out without a word", async () => {
    const fast = { container: pair.standby, repository, name: "fast" };
    const table = { ...fast, tables: ["cache", "kept"], more: ["--database", "fast"] };
    assert.match(
      await failBackup(table),
      /^error\[not-carried\]: .* hot standby, and has no rows of unlogged tables: public\.cache\. /,
    );
    await takeBackup({ ...table, more: [...table.more, "--exclude-table", "cache"] });
    const whole = { ...fast, name: "fast-all", tables: [], more: ["--database", "fast", "--all"] };
    assert.match(await failBackup(whole), /^error\[not-carried\]: .*public\.cache/);
    await takeBackup({ ...whole, more: [...whole.more, "--exclude-table-data", "cache"] });
    const into = { container: pair.primary, repository, name: "fast-all", database: "slow" };
    await restored({ ...into, more: ["--create-database"] });
    assert.equal(await sql(pair.primary, "SELECT count(*) FROM cache", "slow"), "0");
    assert.equal(await sql(pair.primary, "SELECT x FROM kept", "slow"), "1");
  });

  it("is not restored into, and says why before anything else", async () => {
    const said =
      /^error\[requirement-missing\]: The server is a hot standby and takes no changes\. .* primary/;
    const into = { container: pair.standby, repository, name: "all" };
    for (const [database, more] of [
      ["gis", ["--if-exists", "replace"]],
      ["gis_new", ["--create-database"]],
    ] as const)
      assert.match(await refused({ ...into, database, more }), said);
    const tables = { ...into, name: "tables-custom" };
    for (const [database, more] of [
      ["tables", ["--if-exists", "replace"]],
      ["tables", ["--data-only", "--if-exists", "replace"]],
      ["tables_new", ["--create-database"]],
    ] as const)
      assert.match(await refused({ ...tables, database, more }), said);
  });

  it("is not migrated from", async () => {
    const options = [...publish(), "--network", network];
    const newServer = await startServer({ options });
    try {
      const from = ["--container", pair.standby, "--database", "tables"];
      const to = ["--to-container", newServer, "--repository", repository, "--name", "moved"];
      const said = failureOf(await runRunner(["migrate", ...from, ...to]));
      assert.match(
        said,
        new RegExp(
          `^error\\[requirement-missing\\]: The server in container "${pair.standby}" is a hot standby`,
        ),
      );
      assert.equal(await sql(pair.standby, "SELECT pg_is_in_recovery()"), "t");
    } finally {
      await removeContainer(newServer);
    }
  });
});

/** What a server, a database or a role can set for its sessions, and what a naive client stumbles over. */
const settings: Readonly<Record<string, string>> = {
  statement_timeout: "1ms",
  lock_timeout: "1ms",
  idle_in_transaction_session_timeout: "10ms",
  idle_session_timeout: "10ms",
  // Shorter, it ends slow logins, too, whose options it does not wait for.
  transaction_timeout: "500ms",
  default_transaction_isolation: "serializable",
  default_transaction_deferrable: "on",
  default_tablespace: "",
  client_min_messages: "debug5",
  log_statement: "all",
  search_path: "",
  bytea_output: "escape",
  extra_float_digits: "-10",
  datestyle: "SQL, DMY",
  intervalstyle: "sql_standard",
  timezone: "Pacific/Chatham",
  standard_conforming_strings: "off",
  quote_all_identifiers: "on",
  row_security: "off",
  array_nulls: "off",
  session_replication_role: "replica",
  event_triggers: "off",
  default_toast_compression: "lz4",
  jit_above_cost: "0",
};

/** Of the tests' own sessions: for variables of the container that the runner does not take over. */
const neutral = {
  ...Object.fromEntries(
    Object.keys(settings)
      .filter((name) => name.endsWith("_timeout"))
      .map((name) => [name, "0"]),
  ),
  ...{ default_transaction_isolation: "read\\ committed", default_transaction_deferrable: "off" },
  ...{ default_transaction_read_only: "off", client_min_messages: "warning", search_path: "public" },
  ...{ bytea_output: "hex", extra_float_digits: "1", datestyle: "ISO", intervalstyle: "postgres" },
  ...{ timezone: "UTC", standard_conforming_strings: "on", quote_all_identifiers: "off", array_nulls: "on" },
  ...{ session_replication_role: "origin", event_triggers: "on", jit: "off" },
};

describe("a server with settings of its own", function () {
  this.timeout(240_000);
  let repository: string;
  let container: string;

  before(async () => {
    repository = await temporaryFolder();
    const options = Object.entries(neutral).map(([name, value]) => `-c ${name}=${value}`);
    container = await startServer({
      mount: repository,
      options: ["--env", `PGOPTIONS=${options.join(" ")}`],
    });
    await fillServer(container);
    await sql(container, "CREATE TABLE gaps AS SELECT '{a,NULL}'::text[] AS words", "tables");
    await setSettings(container, { ...settings, default_transaction_read_only: "on" });
  });
  after(async () => {
    await removeContainer(container);
    await removeFolder(repository);
  });

  it("is backed up all the same, also where it takes no changes", async () => {
    assert.equal(await sql(container, "SELECT reset_val FROM pg_settings WHERE name = 'array_nulls'"), "on");
    // With an empty search path, every name needs its schema.
    const selected = [...fixtureSelection, "gaps"].map((table) =>
      table.includes(".") ? table : `public.${table}`,
    );
    const tables = { container, repository, name: "tables", tables: selected };
    await takeBackup({ ...tables, more: ["--database", "tables", "--verify", "restore"] });
    const all = { container, repository, name: "all", tables: [] };
    await takeBackup({ ...all, more: ["--database", "gis", "--all", "--verify", "restore"] });
  });

  it("is not restored into while it takes no changes, which the message says", async () => {
    for (const name of ["tables", "all"])
      assert.match(
        await refused({ container, repository, name, database: "new", more: ["--create-database"] }),
        /^error\[requirement-missing\]: .* takes no changes: default_transaction_read_only is on/,
      );
  });

  it("is restored into all the same", async () => {
    await setSettings(container, { default_transaction_read_only: "off" });
    const into = { container, repository, more: ["--create-database"] };
    await restored({ ...into, name: "tables", database: "tables_new" });
    assert.deepEqual(
      await contentOf(container, "tables_new", schemas),
      await contentOf(container, "tables", schemas),
    );
    assert.equal(await sql(container, "SELECT words[2] IS NULL FROM gaps", "tables_new"), "t");
    const fill = ["--data-only", "--if-exists", "replace"];
    await restored({ ...into, name: "tables", database: "tables_new", more: fill });
    assert.deepEqual(
      await contentOf(container, "tables_new", schemas),
      await contentOf(container, "tables", schemas),
    );
    await restored({ ...into, name: "all", database: "gis_new" });
    assert.deepEqual(await dumpOf(container, "gis_new"), await dumpOf(container, "gis"));
    assert.equal(await settingsOf(container, "gis_new"), await settingsOf(container, "gis"));
  });

  it("ends what a killed run left, also where the role acts as another", async () => {
    await setSettings(container, { default_transaction_read_only: "off" });
    await sql(
      container,
      "CREATE ROLE team SUPERUSER; CREATE ROLE member LOGIN SUPERUSER; ALTER ROLE member SET role = 'team'; CREATE TABLE own ()",
    );
    const { output: containerId } = await docker("inspect", "--format={{.Id}}", container);
    const key = await backupKey({ containerId, database: "postgres", repository, name: "member" });
    const left = [
      "--env",
      `PGAPPNAME=postgis-backup ${key} member`,
      container,
      "psql",
      "-U",
      "member",
      "-d",
      "postgres",
    ];
    void docker("exec", ...left, "-c", "SELECT pg_sleep(600)");
    const sleeping = "SELECT count(*) FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(600)'";
    await waitUntil("a session is left", async () => (await sql(container, sleeping)) === "1");
    const options = { container, repository, name: "member", tables: ["public.own"] };
    const { stderr } = await takeBackup({ ...options, more: ["--user", "member"] });
    assert.match(stderr, /^Ended 1 database sessions of a run that was killed\.$/m);
    const into = { container, repository, name: "member", database: "of_team" };
    await restored({ ...into, more: ["--user", "member", "--create-database"] });
  });

  it("gets no rows that break a foreign key, though it does not fire triggers by itself", async () => {
    await setSettings(container, { default_transaction_read_only: "off" });
    await sql(container, "CREATE DATABASE linked");
    await sql(
      container,
      "CREATE TABLE p (id int PRIMARY KEY); CREATE TABLE c (id int REFERENCES p); INSERT INTO p VALUES (1); INSERT INTO c VALUES (1)",
      "linked",
    );
    const options = { container, repository, name: "linked", tables: ["public.c"] };
    await takeBackup({ ...options, more: ["--database", "linked", "--missing-references", "ignore"] });
    await sql(container, "TRUNCATE p, c", "linked");
    const into = { container, repository, name: "linked", database: "linked", more: ["--data-only"] };
    assert.match(await refused(into), /violates foreign key constraint "c_id_fkey"/);
    assert.equal(await sql(container, "SELECT count(*) FROM c", "linked"), "0");
    await sql(container, "INSERT INTO p VALUES (1)", "linked");
    await restored(into);
    assert.equal(await sql(container, "SELECT count(*) FROM c", "linked"), "1");
  });

  it("keeps them in a whole database that has them itself", async () => {
    await setSettings(container, { default_transaction_read_only: "off" });
    await sql(container, "CREATE DATABASE strict");
    await sql(container, "CREATE TABLE t AS SELECT ARRAY['a', NULL] AS x", "strict");
    const all = { ...settings, default_transaction_read_only: "on" };
    const own = Object.entries(all).map(([name, value]) => `ALTER DATABASE strict SET ${name} = '${value}';`);
    await sql(container, own.join("\n"));
    await sql(container, `ALTER ROLE postgres IN DATABASE strict SET search_path = "$user", "a ""b", c, ''`);
    const more = ["--database", "strict", "--all", "--verify", "restore"];
    await takeBackup({ container, repository, name: "strict", tables: [], more });
    const into = { container, repository, name: "strict", database: "strict_new" };
    await restored({ ...into, more: ["--create-database"] });
    assert.equal(await settingsOf(container, "strict_new"), await settingsOf(container, "strict"));
    assert.deepEqual(await dumpOf(container, "strict_new"), await dumpOf(container, "strict"));
  });
});

/** Of databases, users and passwords. */
const names = [`two q"uo'ted words\\`, "-lead 100%=a", "postgresql://$(id)`id`;&", "été\n😀", "n".repeat(63)];

describe("names with any character", function () {
  this.timeout(240_000);
  let repository: string;
  let container: string;
  const identifier = (name: string) => `"${name.replaceAll('"', '""')}"`;

  before(async () => {
    repository = await temporaryFolder();
    container = await startServer({ mount: repository });
    const rules =
      "local all postgres trust\\nhost all postgres 127.0.0.1/32 trust\\nlocal all all scram-sha-256";
    const file = await sql(container, "SHOW hba_file");
    await execa("docker", ["exec", container, "sed", "-i", `1i ${rules}`, file]);
    await sql(container, "SELECT pg_reload_conf()");
  });
  after(async () => {
    await removeContainer(container);
    await removeFolder(repository);
  });

  const inDatabase = async (database: string, text: string) => {
    const psql = ["psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-U", "postgres", "-c", text];
    const { stdout } = await execa("docker", ["exec", "--env", `PGDATABASE=${database}`, container, ...psql]);
    return stdout;
  };

  for (const [index, name] of names.entries())
    it(`are nothing special: ${JSON.stringify(name)}`, async () => {
      const password = name.replace("\n", " ");
      const env = { PGPASSWORD: password };
      await sql(
        container,
        `SET standard_conforming_strings = on; CREATE ROLE ${identifier(name)} SUPERUSER LOGIN PASSWORD '${password.replaceAll("'", "''")}'`,
      );
      await sql(container, `CREATE DATABASE ${identifier(name)}`);
      const table = identifier(name);
      await inDatabase(
        name,
        `CREATE SCHEMA ${table}; CREATE TABLE ${table}.${table} AS SELECT 7 AS ${table}`,
      );
      const who = ["--user", name];
      const options = { container, repository, tables: [], env };
      const more = [...who, "--database", name];
      const { result } = await takeBackup({
        ...{ ...options, name: `tables${index}`, more },
        tables: [`${table}.${table}`],
      });
      await takeBackup({ ...options, name: `all${index}`, more: [...more, "--all"] });
      const rows = `SELECT * FROM ${table}.${table}`;
      const cut = name.slice(0, 60);
      const into = { container, repository, env };
      for (const [from, to] of [
        ["tables", `${cut}.t`],
        ["all", `${cut}.a`],
      ] as const) {
        const create = [...who, "--create-database"];
        await restored({ ...into, name: `${from}${index}`, database: to, more: create });
        assert.equal(await inDatabase(to, rows), "7");
        await inDatabase("postgres", `DROP DATABASE ${identifier(to)}`);
      }
      const swap = [...who, "--if-exists", "swap", "--connections", "end"];
      await restored({ ...into, name: `all${index}`, database: name, more: swap });
      assert.equal(await inDatabase(name, rows), "7");
      const given = await execa("bash", ["-euo", "pipefail", "-c", result.restoreCommand], {
        env,
        reject: false,
      });
      assert.equal(given.exitCode, 0, given.stderr);
      const database = await sql(
        container,
        "SELECT datname FROM pg_database WHERE datname LIKE '%\\_restored'",
      );
      assert.equal(await inDatabase(database, rows), "7");
      await sql(container, `DROP DATABASE ${identifier(database)}`);
    });
});

describe("a server that speaks another language", function () {
  this.timeout(120_000);
  let folder: string;
  let container: string;

  before(async () => {
    folder = await temporaryFolder();
    container = await startServer({ options: await speakGerman(folder) });
  });
  after(async () => {
    await removeContainer(container);
    await removeFolder(folder);
  });

  it("names its databases to whom it refuses one, and says itself that a role is missing", async () => {
    assert.match(
      await sql(container, "SELECT * FROM nothing").catch(String),
      /FEHLER: {2}Relation »nothing«/,
    );
    const back = (...more: string[]) =>
      failBackup({ container, repository: folder, tables: ["public.t"], more });
    assert.match(
      await back("--database", "nowhere"),
      /^error\[connection-refused\]: .*Datenbank »nowhere« existiert nicht\n[^]*^The server's databases are postgres\.$/m,
    );
    assert.match(
      await back("--user", "nobody"),
      /^error\[connection-refused\]: .*Rolle »nobody« existiert nicht$/m,
    );
  });
});

describe("whole databases of other encodings", function () {
  this.timeout(240_000);
  let repository: string;
  let container: string;

  before(async () => {
    repository = await temporaryFolder();
    container = await startServer({ mount: repository });
  });
  after(async () => {
    await removeContainer(container);
    await removeFolder(repository);
  });

  for (const { encoding, word, formats } of [
    { encoding: "LATIN1", word: "Sète", formats: ["custom"] },
    { encoding: "SQL_ASCII", word: "Sète", formats: ["directory", "plain"] },
  ])
    it(`come back in theirs: ${encoding}`, async () => {
      const database = encoding.toLowerCase();
      const locale = "LC_COLLATE 'C' LC_CTYPE 'C'";
      await sql(container, `CREATE DATABASE ${database} TEMPLATE template0 ENCODING '${encoding}' ${locale}`);
      const client = encoding === "SQL_ASCII" ? encoding : "UTF8";
      // In a database without an encoding, also bytes that are no text in any.
      const bytes = encoding === "SQL_ASCII" ? String.raw`\xe9` : "";
      await sql(
        container,
        `SET client_encoding = '${client}';
         CREATE TABLE "${word}" ("${word}" text DEFAULT E'${word}${bytes}' CHECK ("${word}" <> E'${bytes}x'));
         INSERT INTO "${word}" VALUES (E'${word}${bytes}'), (DEFAULT); COMMENT ON TABLE "${word}" IS E'${word}${bytes}';
         CREATE FUNCTION "${word}"() RETURNS text LANGUAGE sql AS E'SELECT ''${word}${bytes}''::text';
         CREATE VIEW seen AS SELECT E'${word}${bytes}'::text AS "${word}" FROM "${word}"; CREATE TYPE way AS ENUM (E'${word}${bytes}');
         COMMENT ON DATABASE ${database} IS '${word}'`,
        database,
      );
      for (const format of formats) {
        const name = `${database}-${format}`;
        const more = ["--database", database, "--all", "--format", format, "--verify", "restore"];
        await takeBackup({ container, repository, name, tables: [], more });
        const copy = `${database}_${format}`;
        await restored({ container, repository, name, database: copy, more: ["--create-database"] });
        assert.deepEqual(await dumpOf(container, copy), await dumpOf(container, database));
        assert.equal(await settingsOf(container, copy), await settingsOf(container, database));
      }
      if (encoding !== "SQL_ASCII") return;
      await sql(
        container,
        `SET client_encoding = 'SQL_ASCII'; COMMENT ON DATABASE ${database} IS E'${bytes}'`,
        database,
      );
      const whole = {
        container,
        repository,
        name: "lost",
        tables: [],
        more: ["--database", database, "--all"],
      };
      assert.match(await failBackup(whole), /^error\[not-carried\]: .*COMMENT ON DATABASE.* Change them\./s);
    });
});

describe("a server in an image with busybox and another id of postgres", function () {
  this.timeout(300_000);
  let image: string;
  let mounted: string;
  let elsewhere: string;
  let server: TestContainer;

  before(async () => {
    [mounted, elsewhere] = [await temporaryFolder(), await temporaryFolder()];
    image = await busyboxImage();
    server = new TestContainer(uniqueName(), image);
    await server.run(["--volume", `${mounted}:/backups`]);
    await server.ready();
    await fillServer(server.name);
  });
  after(async () => {
    await server.remove();
    await docker("image", "rm", "--force", image);
    await removeFolder(mounted);
    await removeFolder(elsewhere);
  });

  const postgis_backup = async (...args: string[]) => {
    const { exitCode, stderr } = await runRunner(args);
    assert.equal(exitCode, 0, stderr);
  };

  it("has these", async () => {
    const { output } = await docker(
      "exec",
      server.name,
      "sh",
      "-c",
      "readlink -f $(which head); readlink -f $(which sh); id -u postgres",
    );
    assert.equal(output, "/usr/bin/busybox\n/usr/bin/busybox\n70");
    await postgis_backup("ready", "--container", server.name);
  });

  for (const [title, repository, format] of [
    ["a folder that it sees", () => mounted, "directory"],
    ["another folder", () => elsewhere, "custom"],
    ["a plain archive", () => elsewhere, "plain"],
  ] as const)
    it(`is backed up, verified and restored: ${title}`, async () => {
      const container = server.name;
      const name = `tables-${format}`;
      const how = ["--format", format, "--split-tables-from", "1"];
      const options = { container, repository: repository(), name, tables: fixtureSelection };
      await takeBackup({ ...options, more: ["--database", "tables", ...how] });
      const location = path.join(repository(), name, "latest");
      await postgis_backup("verify", location, "--level", "restore");
      const database = `tables_${format}`;
      const into = { container, repository: repository(), name, database };
      await restored({ ...into, more: ["--create-database"] });
      const content = await contentOf(container, "tables", schemas);
      assert.deepEqual(await contentOf(container, database, schemas), content);
      await restored({ ...into, more: ["--data-only", "--if-exists", "replace"] });
      assert.deepEqual(await contentOf(container, database, schemas), content);
    });

  for (const [title, repository] of [
    ["a folder that it sees", () => mounted],
    ["another folder", () => elsewhere],
  ] as const)
    it(`is backed up and restored as a whole database: ${title}`, async () => {
      const options = { container: server.name, repository: repository(), name: "all", tables: [] };
      await takeBackup({ ...options, more: ["--database", "gis", "--all", "--verify", "restore"] });
      const into = { container: server.name, repository: repository(), name: "all" };
      const database = repository() === mounted ? "gis_seen" : "gis_sent";
      await restored({ ...into, database, more: ["--create-database"] });
      assert.deepEqual(await dumpOf(server.name, database), await dumpOf(server.name, "gis"));
    });
});

describe("a container that lacks programs", function () {
  this.timeout(120_000);

  it("is not backed up or restored into; the message names them and the container", async () => {
    const repository = await temporaryFolder();
    const container = await startServer({ mount: repository });
    try {
      await sql(container, "CREATE TABLE t AS SELECT 1 AS x");
      await takeBackup({ container, repository, tables: ["t"] });
      const lack = async (...programs: string[]) => {
        const { output } = await docker("exec", container, "sh", "-c", `which ${programs.join(" ")}`);
        await docker("exec", container, "rm", ...output.split("\n"));
      };
      await lack("head", "mktemp");
      const said = new RegExp(`^error\\[image-unsuitable\\]: Container "${container}" .*: head, mktemp\\. `);
      assert.match(await failBackup({ container, repository, tables: ["t"] }), said);
      assert.match(await refused({ container, repository, more: ["--if-exists", "replace"] }), said);
      await docker("exec", container, "rm", "/bin/sh");
      assert.match(
        await failBackup({ container, repository, tables: ["t"] }),
        /^error\[image-unsuitable\]: .* no shell, "sh"/,
      );
    } finally {
      await removeContainer(container);
      await removeFolder(repository);
    }
  });
});
