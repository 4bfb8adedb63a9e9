import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readdir, readFile, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import { takeBackup } from "../support/backup";
import { docker, startServer } from "../support/container";
import { imageOf } from "../support/images";
import { removeContainer, removeFolder, sql, temporaryFolder } from "../support/resources";
import { refused, restoreArguments, restored } from "../support/restore-fixture";
import { runRunner } from "../support/runner";
import { writeRecord } from "../support/sealed";

const password = "p'w%\"d";

const roles = `
CREATE ROLE app LOGIN PASSWORD 'p''w%"d' CONNECTION LIMIT 7 VALID UNTIL '2099-01-02 03:04:05+00';
CREATE ROLE chief SUPERUSER NOINHERIT CREATEDB CREATEROLE BYPASSRLS REPLICATION;
CREATE ROLE readers; CREATE ROLE "we""ird 'rôle"; CREATE ROLE nobody_needs_it VALID UNTIL 'infinity';
GRANT readers TO app WITH ADMIN OPTION; GRANT readers TO "we""ird 'rôle"; GRANT pg_monitor TO app; GRANT "we""ird 'rôle" TO postgres;
COMMENT ON ROLE app IS 'it''s 100% $globals$';
ALTER ROLE app SET search_path = "Odd, one", public; ALTER ROLE app SET work_mem = '9MB'; ALTER ROLE readers SET search_path = '';`;

/** What stock tools say of the roles, but the order of grants, and who granted. */
async function rolesOf(container: string, ...more: string[]): Promise<string[]> {
  const dump = ["pg_dumpall", "--username=postgres", "--roles-only", ...more];
  const { output } = await docker("exec", container, ...dump);
  return output
    .split("\n")
    .filter((line) => !/^(--|\\(un)?restrict|$)/.test(line))
    .map((line) => line.replace(/ GRANTED BY .*/, ""))
    .sort();
}

for (const version of ["17-3.5", "13-3.1"] as const)
  describe(`the roles of a server of ${version}, in a backup of a whole database`, function () {
    this.timeout(300_000);
    let [source, target, folder, hash] = ["", "", "", ""];
    const back = (name: string, globals: string, ...more: string[]) =>
      takeBackup({
        ...{ container: source, repository: folder, name, tables: [] },
        more: ["--database", "gis", "--all", "--globals", globals, ...more],
      });
    const into = (name: string, database: string, ...more: string[]) => ({
      ...{ container: target, repository: folder, name, database },
      more: ["--create-database", "--missing-roles", "restore", ...more],
    });
    /** Drops what a restore made, so that the roles can be dropped. */
    const forget = async (...databases: string[]) => {
      for (const database of databases) await sql(target, `DROP DATABASE IF EXISTS ${database}`);
      await sql(target, `DROP ROLE IF EXISTS app, chief, readers, "we""ird 'rôle", nobody_needs_it`);
    };

    before(async () => {
      folder = await temporaryFolder();
      source = await startServer({ mount: folder, image: await imageOf(version) });
      target = await startServer({ mount: folder, image: await imageOf(version) });
      await sql(source, roles);
      if (version === "17-3.5")
        await sql(source, "CREATE ROLE part; GRANT part TO readers WITH INHERIT FALSE, SET FALSE");
      await sql(source, "CREATE DATABASE gis");
      await sql(source, "CREATE TABLE t AS SELECT 1 AS x; ALTER TABLE t OWNER TO app", "gis");
      hash = await sql(source, "SELECT rolpassword FROM pg_authid WHERE rolname = 'app'");
    });
    after(async () => {
      for (const container of [source, target]) await removeContainer(container);
      await removeFolder(folder);
    });
    afterEach(async () => {
      await forget("copy");
      await sql(target, "DROP ROLE IF EXISTS part");
    });

    it("come back as they were, with their passwords, and nowhere else is a hash", async () => {
      const { result, stderr } = await back("all", "with-passwords", "--file-mode", "0644");
      assert.match(stderr, /^warning: The backup has hashes of passwords, in globals\.sql/m);
      const files = await readdir(result.location);
      for (const name of files.filter((one) => /\.(sql|json|md)$/.test(one))) {
        const content = await readFile(path.join(result.location, name), "utf8");
        assert.equal(content.includes(hash), name === "globals.sql", name);
      }
      assert.equal((await stat(path.join(result.location, "globals.sql"))).mode & 0o777, 0o600);
      await restored(into("all", "copy"));
      assert.deepEqual(await rolesOf(target), await rolesOf(source));
      assert.equal(await sql(target, "SELECT x FROM t", "copy"), "1");
      const address = `$(hostname -i | cut -d' ' -f1)`;
      const login = `PGPASSWORD="$0" psql -X -A -t -h "${address}" -U app -d copy -c 'SELECT current_user'`;
      assert.match((await docker("exec", target, "bash", "-c", login, password)).output, /^app$/m);
    });

    it("are for nobody else to read, in a copy and after an import either", async () => {
      const [copies, imported] = [path.join(folder, "copies"), path.join(folder, "imported")];
      const { result } = await back("copied", "with-passwords", "--file-mode", "0644", "--copy", copies);
      const tar = path.join(folder, "copied.tar");
      for (const args of [
        ["export", result.location, tar],
        ["import", tar, "--repository", imported, "--file-mode", "0644"],
      ])
        assert.equal((await runRunner(args)).exitCode, 0);
      const modes = async (repository: string) => {
        const latest = path.join(repository, "copied", "latest");
        const mode = async (name: string) => ((await stat(path.join(latest, name))).mode & 0o777).toString(8);
        return [await mode("globals.sql"), await mode("database.sql")];
      };
      for (const repository of [folder, copies, imported])
        assert.deepEqual(await modes(repository), ["600", "644"], repository);
      assert.equal((await stat(tar)).mode & 0o077, 0);
    });

    it("come back without passwords, if they were left out", async () => {
      const { result } = await back("without", "without-passwords");
      const script = await readFile(path.join(result.location, "globals.sql"), "utf8");
      assert.ok(!script.includes(hash) && !script.includes("PASSWORD"), script);
      await restored(into("without", "copy"));
      const options = "--no-role-passwords";
      assert.deepEqual(await rolesOf(target, options), await rolesOf(source, options));
    });

    it("stay as they are where they exist", async () => {
      await sql(target, "CREATE ROLE app NOLOGIN CREATEDB");
      await restored(into("all", "copy"));
      const app =
        "SELECT rolcanlogin, rolcreatedb, rolconnlimit, rolpassword FROM pg_authid WHERE rolname = 'app'";
      assert.equal(await sql(target, app), "f|t|-1|");
      const members = "SELECT pg_has_role('app', 'readers', 'MEMBER')";
      assert.equal(await sql(target, members), "t");
    });

    it("are made by psql alone, as often as anybody likes", async () => {
      const script = `psql -X -q -v ON_ERROR_STOP=1 -U postgres -f "$0"`;
      const file = "/backups/all/latest/globals.sql";
      for (let time = 0; time < 2; time++) {
        const { code, output } = await docker("exec", target, "sh", "-c", script, file);
        assert.equal(code, 0, output);
      }
      assert.deepEqual(await rolesOf(target), await rolesOf(source));
    });

    it("are gone after a restore that fails, which tells no hash", async () => {
      const { result, manifest } = await back("forged", "with-passwords");
      const file = path.join(result.location, "globals.sql");
      const again = `DO $$ BEGIN CREATE ROLE other; CREATE ROLE app PASSWORD '${hash}'; END $$;\n`;
      const content = Buffer.from(`${await readFile(file, "utf8")}${again}`);
      await writeFile(file, content);
      const sealed = { bytes: content.length, sha256: createHash("sha256").update(content).digest("hex") };
      const files = manifest.files.map((one) => (one.path === "globals.sql" ? { ...one, ...sealed } : one));
      await writeRecord(result.location, { ...manifest, files });
      const before = await rolesOf(target);
      const said = await refused(into("forged", "copy"));
      assert.match(said, /^error\[restore-failed\]: .*globals\.sql: .*role "app" already exists/);
      assert.doesNotMatch(said, /SCRAM|md5|PASSWORD/);
      assert.doesNotMatch((await docker("logs", target)).output, /CREATE ROLE/);
      assert.deepEqual(await rolesOf(target), before);
    });

    it("are gone when the rows cannot be restored", async () => {
      const before = await rolesOf(target);
      await sql(source, "CREATE EXTENSION IF NOT EXISTS hstore", "gis");
      await back("all", "with-passwords");
      await docker(
        "exec",
        "-u",
        "root",
        target,
        "sh",
        "-c",
        'rm "$(pg_config --sharedir)"/extension/hstore--*',
      );
      await refused(into("all", "copy"));
      assert.deepEqual(await rolesOf(target), before);
    });

    it("are in no backup that was not asked for them", async () => {
      const plain = { container: source, repository: folder, name: "plain", tables: [] };
      const { manifest } = await takeBackup({ ...plain, more: ["--database", "gis", "--all"] });
      assert.equal(manifest.wholeDatabase?.globals, undefined);
      assert.ok(!manifest.files.some((file) => file.path === "globals.sql"));
      assert.match(
        await refused(into("plain", "copy")),
        /^error\[requirement-missing\]: The backup does not have the roles of its server/,
      );
      await takeBackup({ ...plain, name: "tables", tables: ["t"], more: ["--database", "gis"] });
      const { exitCode, stderr } = await runRunner(restoreArguments(into("tables", "copy")));
      assert.equal(exitCode, 2);
      assert.match(stderr, /^error\[usage\]: Backup .* is of tables, and has no roles/m);
    });
  });
