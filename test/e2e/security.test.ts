import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { root } from "../../setup/paths";
import { takeBackup } from "../support/backup";
import { startServer } from "../support/container";
import { removeContainer, removeFolder, sql, temporaryFolder } from "../support/resources";
import { runRunner } from "../support/runner";

describe("the SQL in docs/security.md", function () {
  this.timeout(180_000);
  let container: string;
  let repository: string;

  before(async () => {
    repository = await temporaryFolder();
    container = await startServer({ mount: repository });
    await sql(
      container,
      `CREATE TABLE parcels (id serial PRIMARY KEY, kind text, g geometry(Point, 4326));
       INSERT INTO parcels (kind, g) SELECT i::text, ST_SetSRID(ST_MakePoint(i, 1), 4326) FROM generate_series(1, 50) i;
       CREATE SCHEMA nl; CREATE TABLE nl.scenes (id int REFERENCES parcels)`,
    );
  });
  after(async () => {
    await removeContainer(container);
    await removeFolder(repository);
  });

  async function blocks(): Promise<string[]> {
    const page = await readFile(path.join(root, "docs", "security.md"), "utf8");
    const found = [...page.matchAll(/^```sql\n(.*?)^```$/gms)].map(([, block = ""]) => block);
    assert.equal(found.length, 3);
    return found;
  }

  for (const [index, user, tables] of [
    [0, "backup", ["parcels", "nl.scenes"]],
    [1, "backup_some", ["parcels"]],
  ] as const) {
    it(`makes a role that takes backups which pass every check, and that can write nothing: ${user}`, async () => {
      await sql(container, (await blocks())[index] ?? "");
      const env = { PGPASSWORD: "change me" };
      const more = ["--user", user, "--verify", "restore"];
      const { manifest } = await takeBackup({ container, repository, name: user, tables, more, env });
      assert.equal(manifest.verification.level, "restore");
      assert.deepEqual(
        manifest.tables.map(({ schema, name, rows }) => [`${schema}.${name}`, rows]),
        user === "backup"
          ? [
              ["nl.scenes", 0],
              ["public.parcels", 50],
            ]
          : [["public.parcels", 50]],
      );
      const where = ["--repository", repository, "--name", user];
      const { exitCode, stderr } = await runRunner(["verify", ...where, "--level", "restore"]);
      assert.equal(exitCode, 0, stderr);
      await assert.rejects(
        sql(container, `SET ROLE ${user}; INSERT INTO parcels (kind) VALUES ('x')`),
        /permission denied/,
      );
    });
  }

  it("makes a role that restores tables of others, and that may nothing else", async () => {
    await sql(container, "CREATE ROLE app");
    for (const database of ["plain", "gis"]) await sql(container, `CREATE DATABASE ${database}`);
    await sql(
      container,
      "CREATE SCHEMA own; CREATE TABLE own.list AS SELECT 1 AS id; ALTER TABLE own.list OWNER TO app; ALTER SCHEMA own OWNER TO app",
      "plain",
    );
    const more = ["--database", "plain"];
    await takeBackup({ container, repository, name: "plain", tables: ["own.list"], more });
    const restore = () =>
      runRunner(
        ["restore", "--container", container, "--user", "restorer", "--database", "gis"].concat([
          "--repository",
          repository,
          "--name",
          "plain",
        ]),
        { PGPASSWORD: "change me" },
      );
    const [, , block = ""] = await blocks();
    for (const [missing, lacks] of [
      [/ CREATEDB/, /error\[privilege-missing\].*CREATEDB/],
      [/^GRANT app.*$/m, /error\[\S+\].*app/],
      [/^GRANT CREATE.*$/m, /error\[\S+\].*(gis|permission denied)/],
    ] as const) {
      await sql(container, block.replace(missing, ""));
      const { exitCode, stderr } = await restore();
      assert.equal(exitCode, 1);
      assert.match(stderr, lacks);
      await sql(container, "REVOKE ALL ON DATABASE gis FROM restorer; DROP ROLE restorer");
    }
    await sql(container, block);
    const { exitCode, stderr } = await restore();
    assert.equal(exitCode, 0, stderr);
    assert.equal(
      await sql(container, "SELECT tableowner FROM pg_tables WHERE schemaname = 'own'", "gis"),
      "app",
    );
  });
});
