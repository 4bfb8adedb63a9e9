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
  let directory: string;

  before(async () => {
    directory = await temporaryFolder();
    container = await startServer({ mount: directory });
    await sql(
      container,
      `CREATE TABLE parcels (id serial PRIMARY KEY, kind text, g geometry(Point, 4326));
       INSERT INTO parcels (kind, g) SELECT i::text, ST_SetSRID(ST_MakePoint(i, 1), 4326) FROM generate_series(1, 50) i;
       CREATE SCHEMA nl; CREATE TABLE nl.scenes (id int REFERENCES parcels)`,
    );
  });
  after(async () => {
    await removeContainer(container);
    await removeFolder(directory);
  });

  for (const [index, user, tables] of [
    [0, "backup", ["parcels", "nl.scenes"]],
    [1, "backup_some", ["parcels"]],
  ] as const) {
    it(`makes a role that takes backups which pass every check, and that can write nothing: ${user}`, async () => {
      const page = await readFile(path.join(root, "docs", "security.md"), "utf8");
      const blocks = [...page.matchAll(/^```sql\n(.*?)^```$/gms)].map(([, block = ""]) => block);
      assert.equal(blocks.length, 2);
      await sql(container, blocks[index] ?? "");
      const env = { PGPASSWORD: "change me" };
      const more = ["--user", user, "--verify", "restore"];
      const { manifest } = await takeBackup({ container, directory, name: user, tables, more, env });
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
      const where = ["--directory", directory, "--name", user];
      const { exitCode, stderr } = await runRunner(["verify", ...where, "--level", "restore"]);
      assert.equal(exitCode, 0, stderr);
      await assert.rejects(
        sql(container, `SET ROLE ${user}; INSERT INTO parcels (kind) VALUES ('x')`),
        /permission denied/,
      );
    });
  }
});
