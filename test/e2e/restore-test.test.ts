import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { cp, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { execa } from "execa";
import { Manifest } from "../../runner/repository/manifest";
import { BackupResult } from "../../runner/request";
import { startServer } from "../support/container";
import { reseal } from "../support/damage";
import { environment } from "../support/environment";
import { removeContainer, removeFolder, sql, temporaryFolder } from "../support/resources";
import { runRunner } from "../support/runner";
import { throwaways } from "../support/throwaways";

const tables = ["App.*", "others", "nl.measures", "base", "heir", "parcels"];

describe("a restore test", function () {
  this.timeout(180_000);
  let container: string;
  let folder: string;
  let mounted: string;

  before(async () => {
    folder = await temporaryFolder();
    mounted = await temporaryFolder();
    container = await startServer({ mount: mounted });
    await sql(container, await readFile(path.join(__dirname, "../support/restore-test-tables.sql"), "utf8"));
    // What text looks like here must not matter there.
    await sql(
      container,
      "ALTER DATABASE postgres SET timezone = 'Asia/Tokyo'; ALTER DATABASE postgres SET datestyle = 'German'",
    );
  });
  after(async () => {
    assert.deepEqual(await throwaways(folder, mounted), []);
    await removeContainer(container);
    await Promise.all([removeFolder(folder), removeFolder(mounted)]);
  });

  const run = (repository: string, name: string, selection: readonly string[], ...options: string[]) =>
    runRunner([
      ...["backup", "--container", container, "--verify", "restore"],
      ...["--repository", repository, "--name", name],
      ...selection.flatMap((table) => ["--table", table]),
      ...options,
    ]);
  async function take(...args: Parameters<typeof run>) {
    const { stdout, stderr, exitCode } = await run(...args, "--json");
    assert.equal(exitCode, 0, stderr);
    const result = BackupResult.parse(JSON.parse(stdout));
    return { ...result, content: Manifest.parse(JSON.parse(await readFile(result.manifest, "utf8"))) };
  }
  /** Restores a backup in a throwaway container. */
  const testRestore = (location: string, env: Record<string, string> = {}, ...more: string[]) =>
    runRunner(
      [
        ...[
          "verify",
          path.basename(location),
          "--level",
          "restore",
          "--name",
          path.basename(path.dirname(location)),
        ],
        ...["--repository", path.dirname(path.dirname(location)), ...more],
      ],
      env,
    );

  for (const [format, place] of [
    ["directory", "mounted"],
    ["custom", "streamed"],
    ["plain", "streamed"],
  ] as const) {
    it(`brings back all that the tables need: ${format}, ${place}`, async () => {
      const { content, verification, location, restoreCommand } = await take(
        place === "mounted" ? mounted : folder,
        format,
        tables,
        "--format",
        format,
      );
      assert.equal(verification.level, "restore");
      assert.equal(verification.image, content.source.imageDigest);
      // In a server that initialises itself first, too; that of the backup was initialised already.
      assert.equal((await testRestore(location, {}, "--image", (await environment).image)).exitCode, 0);
      // By stock tools too, on the server itself.
      await sql(container, "DROP DATABASE IF EXISTS postgres_restored");
      await execa("bash", ["-euo", "pipefail", "-c", restoreCommand]);
      const check = `SELECT count(*) FROM "App"."Things" WHERE mood = 'it''s ok' AND stamp = 'stamped';
        INSERT INTO others (note) SELECT 'x' WHERE false; SELECT srtext LIKE 'PROJCS%' FROM spatial_ref_sys WHERE srid = 990001`;
      assert.equal(await sql(container, check, "postgres_restored"), "500\nt");
    });
  }

  it("records what it compares, and what the tables need", async () => {
    const { content } = await take(folder, "recorded", tables, "--format", "custom");
    const table = (name: string) => content.tables.find((found) => found.name === name);
    assert.equal(table("parcels")?.invalidGeometries, 50);
    assert.equal(table("others")?.invalidGeometries, undefined);
    assert.deepEqual(
      table("others")?.constraints.map(({ definition }) => definition),
      ['FOREIGN KEY (id) REFERENCES "App"."Things"(id)', "UNIQUE (note)"],
    );
    assert.match(table("Things")?.indexes.join("\n") ?? "", /lib\.folded\(code\)/);
    const { requires } = content;
    assert.deepEqual(requires.schemas, ["App", "lib", "nl"]);
    assert.deepEqual(requires.types, ['"App".mood', "lib.amount", "lib.pair", "lib.span"]);
    assert.deepEqual(
      requires.functions,
      ["code()", "folded(text)", "may_see(text)", "positive(integer)", "stamp()"].map(
        (name) => `lib.${name}`,
      ),
    );
    assert.deepEqual(requires.others, ["collation lib.plain", "operator lib.@@@(text,text)"]);
    assert.deepEqual(requires.sequences, [{ schema: "lib", name: "shared_id" }]);
    assert.deepEqual(requires.roles, ["checker", "Owner", "postgres", "reader"].sort());
    assert.deepEqual(
      requires.customSrids.map(({ srid, auth_name }) => [srid, auth_name]),
      [[990001, "it's\\me"]],
    );
  });

  describe("of a forged backup", () => {
    let original: string;
    before(async () => {
      ({ location: original } = await take(
        folder,
        "plain0",
        tables,
        "--format",
        "plain",
        "--compression",
        "none",
      ));
    });

    async function forged(change: (script: string) => string, manifest?: (manifest: Manifest) => void) {
      const copy = path.join(folder, "plain0", "20260101T000000Z");
      await cp(original, copy, { recursive: true });
      const script = path.join(copy, "archive.sql");
      const before = await readFile(script, "utf8");
      await writeFile(script, change(before));
      await reseal(copy, (content) => {
        content.id = path.basename(copy);
        manifest?.(content);
      });
      const { exitCode, stderr } = await testRestore(copy);
      await removeFolder(copy);
      assert.equal(exitCode, 1, stderr);
      return stderr;
    }
    const ofTable = (content: Manifest, name: string) => {
      const table = content.tables.find((found) => found.name === name);
      assert.ok(table);
      return table;
    };

    it("finds a row that is missing, even if the manifest counts one less", async () => {
      const stderr = await forged(
        (script) => script.replace(/^2019\t0\.42857.*\n/m, ""),
        (content) => (ofTable(content, "measures_rest").rows -= 1),
      );
      assert.match(
        stderr,
        /error\[restore-mismatch\]: .*nl\.measures_rest: fingerprint: -?\d+ in the manifest, -?\d+ restored/,
      );
    });

    it("finds a value that is another", async () => {
      const stderr = await forged((script) =>
        script.replace(/^3\tb\t1$/m, "4\tb\t1").replace(/^1\tb\t3$/m, "1\tb\t4"),
      );
      assert.match(stderr, /error\[restore-mismatch\]: .*public\.heir: fingerprint/);
    });

    it("finds an index and a constraint that are missing", async () => {
      const stderr = await forged((script) =>
        script
          .replace(/^CREATE INDEX folded .*$/m, "")
          .replace(/^ALTER TABLE ONLY public\.others\n.*FOREIGN KEY.*$/m, ""),
      );
      assert.match(stderr, /"App"\."Things": index CREATE INDEX folded .*: in the manifest, not restored/);
      assert.match(
        stderr,
        /public\.others: constraint others_id_fkey FOREIGN KEY .*: in the manifest, not restored/,
      );
    });

    it("finds geometries that became valid, and rows that the manifest does not count", async () => {
      const stderr = await forged(
        (script) => script,
        (content) => {
          ofTable(content, "parcels").invalidGeometries = 51;
        },
      );
      assert.match(stderr, /public\.parcels: invalid geometries: 51 in the manifest, 50 restored/);
    });

    it("finds an archive that cannot be restored", async () => {
      const stderr = await forged((script) => script.replace("CREATE TRIGGER", "CREATE NO TRIGGER"));
      assert.match(
        stderr,
        /error\[restore-failed\]: The archive cannot be restored: archive\.sql: psql:.*syntax error/,
      );
    });
  });

  it("that fails keeps the backup from being published", async () => {
    // The check's function calls another one by a name that it puts together, so that nothing tells of it.
    await sql(
      container,
      `CREATE FUNCTION lib.hidden() RETURNS boolean LANGUAGE sql AS 'SELECT true';
       CREATE FUNCTION lib.calls() RETURNS boolean LANGUAGE plpgsql AS $$BEGIN EXECUTE 'SELECT lib.hid' || 'den()'; RETURN true; END$$;
       CREATE TABLE checked (x int CHECK (lib.calls())); INSERT INTO checked VALUES (1);`,
    );
    for (const format of ["directory", "custom", "plain"]) {
      const { exitCode, stdout, stderr } = await run(mounted, "unpublished", ["checked"], "--format", format);
      assert.equal(exitCode, 1);
      assert.equal(stdout, "");
      assert.match(stderr, /error\[restore-failed\]: .*function lib\.hidden\(\) does not exist/);
      const parent = path.join(mounted, "unpublished");
      assert.deepEqual(existsSync(parent) ? await readdir(parent) : [], []);
    }
  });

  for (const [title, source] of [
    ["does not exist on the daemon's machine", "/pgb-no-such-folder"],
    ["is another one on the daemon's machine", "EMPTY"],
  ] as const) {
    it(`takes a copy of a folder that ${title}`, async () => {
      const { location } = await take(mounted, "copied", tables, "--format", "directory");
      const tools = path.join(folder, "tools");
      await mkdir(path.join(tools, "empty"), { recursive: true });
      const docker = (await execa("which", ["docker"])).stdout;
      // Stands for a daemon elsewhere: it sees none of this machine's folders.
      const elsewhere = source === "EMPTY" ? path.join(tools, "empty") : source;
      await writeFile(
        path.join(tools, "docker"),
        `#!/bin/bash\nexec ${docker} "\${@/source=*,target/source=${elsewhere},target}"\n`,
        { mode: 0o755 },
      );
      const { exitCode, stderr } = await testRestore(location, {
        PATH: `${tools}:${process.env["PATH"] ?? ""}`,
      });
      assert.equal(exitCode, 0, stderr);
    });
  }
});
