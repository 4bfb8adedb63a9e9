import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { execa } from "execa";
import { Manifest } from "../../runner/repository/manifest";
import { BackupResult } from "../../runner/request";
import { startServer } from "../support/container";
import { removeContainer, removeFolder, sql, temporaryFolder } from "../support/resources";
import { runRunner } from "../support/runner";

const rounds = 20;

/** Adds a scene and, in a later transaction, its signatures, some hundred times a second, until it is terminated. */
const writer = `
CREATE PROCEDURE load_scenes() LANGUAGE plpgsql AS $$
DECLARE scene int;
BEGIN
  LOOP
    INSERT INTO dias_catalogue (reference) VALUES (clock_timestamp()::text) RETURNING id INTO scene;
    COMMIT;
    INSERT INTO "roi2020_S2_signatures" SELECT g, scene, 'B02', random() FROM generate_series(1, 50) g;
    COMMIT;
    PERFORM pg_sleep(0.002);
  END LOOP;
END $$`;

describe("a backup taken while workers insert", function () {
  this.timeout(600_000);
  let container: string;
  let folder: string;

  before(async () => {
    folder = await temporaryFolder();
    container = await startServer({ mount: folder });
    await sql(
      container,
      `CREATE TABLE dias_catalogue (id serial PRIMARY KEY, reference varchar(120) UNIQUE);
       CREATE TABLE "roi2020_S2_signatures" (pid int, obsid int, band char(3), mean real);
       INSERT INTO dias_catalogue (reference) SELECT 'old ' || g FROM generate_series(1, 2000) g;
       INSERT INTO "roi2020_S2_signatures" SELECT g, 1 + g % 2000, 'B02', random() FROM generate_series(1, 400000) g;
       ${writer}`,
    );
  });
  after(async () => {
    await removeContainer(container);
    await removeFolder(folder);
  });

  it(`holds no signature of a scene that it lacks, and exactly the rows it counted, in ${rounds} backups`, async () => {
    const load = spawn(
      "docker",
      [
        "exec",
        container,
        "psql",
        "-X",
        "-q",
        "-h",
        "127.0.0.1",
        "-U",
        "postgres",
        "-c",
        "CALL load_scenes()",
      ],
      {
        stdio: "ignore",
      },
    );
    const seen: number[] = [];
    try {
      for (let round = 0; round < rounds; round++) {
        const result = await takeBackup();
        const manifest = Manifest.parse(JSON.parse(readFileSync(result.manifest, "utf8")));
        const [catalogue, signatures] = manifest.tables;
        assert.equal(signatures?.name, "roi2020_S2_signatures");
        const restored = await restore(result);
        assert.deepEqual(restored, { scenes: catalogue?.rows, signatures: signatures.rows, orphans: 0 });
        seen.push(restored.signatures);
      }
    } finally {
      await sql(
        container,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query = 'CALL load_scenes()'",
      );
      load.kill();
    }
    assert.deepEqual(
      seen,
      [...new Set(seen)].sort((a, b) => a - b),
      "the workers inserted between any two backups",
    );
  });

  async function takeBackup(): Promise<BackupResult> {
    const tables = ["dias_catalogue", "roi2020_S2_signatures"].flatMap((table) => ["--table", table]);
    const args = [
      "backup",
      "--container",
      container,
      ...tables,
      "--repository",
      folder,
      "--name",
      "cbm",
      "--json",
    ];
    const { exitCode, stdout, stderr } = await runRunner(args);
    assert.equal(exitCode, 0, stderr);
    return BackupResult.parse(JSON.parse(stdout));
  }

  async function restore({ backupId }: BackupResult) {
    await sql(container, "DROP DATABASE IF EXISTS restored (FORCE)");
    await sql(container, "CREATE DATABASE restored");
    const archive = `/backups/cbm/${backupId}/archive`;
    await execa("docker", [
      "exec",
      container,
      "pg_restore",
      "-h",
      "127.0.0.1",
      "-U",
      "postgres",
      "-d",
      "restored",
      "-j",
      "2",
      "-e",
      archive,
    ]);
    const counts = await sql(
      container,
      `SELECT jsonb_build_object(
         'scenes', (SELECT count(*) FROM dias_catalogue),
         'signatures', (SELECT count(*) FROM "roi2020_S2_signatures"),
         'orphans', (SELECT count(*) FROM "roi2020_S2_signatures" WHERE obsid NOT IN (SELECT id FROM dias_catalogue)))`,
      "restored",
    );
    return JSON.parse(counts) as { scenes: number; signatures: number; orphans: number };
  }
});
