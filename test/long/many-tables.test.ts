/** What a run does for each table is done by programs of PostgreSQL; its own statements, sessions and processes stay as many. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { chmod, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { execa } from "execa";
import { takeBackup } from "../support/backup";
import { startServer } from "../support/container";
import { removeContainer, removeFolder, sql, temporaryFolder } from "../support/resources";
import { restored } from "../support/restore-fixture";

const tables = (count: number) => `
DO $$ BEGIN FOR i IN 1..${count} LOOP
  EXECUTE format('CREATE TABLE kind_%1$s (id int PRIMARY KEY, name text UNIQUE)', i);
  EXECUTE format('CREATE TABLE item_%1$s (id serial PRIMARY KEY, kind int REFERENCES kind_%1$s, g geometry(Point, 4326), CHECK (kind > 0))', i);
  EXECUTE format('CREATE INDEX ON item_%1$s USING gist (g)', i);
  EXECUTE format('CREATE STATISTICS both_%1$s ON id, kind FROM item_%1$s', i);
  EXECUTE format('COMMENT ON TABLE item_%1$s IS ''an item''', i);
  EXECUTE format('GRANT SELECT ON item_%1$s TO PUBLIC', i);
  EXECUTE format('INSERT INTO kind_%1$s VALUES (1, ''a''); INSERT INTO item_%1$s (kind, g) VALUES (1, ''SRID=4326;POINT(1 2)'')', i);
END LOOP; END $$`;

/** A process for each call but those that look every other second whether the container is there. */
const counter = (real: string, calls: string) => `#!/bin/sh
[ "$1" = container ] || echo "$1" >>${calls}
exec "${real}" "$@"
`;

interface Effort {
  readonly statements: number;
  readonly sessions: number;
  readonly processes: number;
}

/** The locks of the server's table of them, and the like, may take a session or a statement more on a slow machine. */
const slack = 4;

describe("a run over many tables", function () {
  this.timeout(600_000);
  let container: string;
  let repository: string;
  let programs: string;
  let calls: string;

  before(async () => {
    repository = await temporaryFolder();
    programs = await temporaryFolder();
    calls = path.join(programs, "calls");
    const { stdout: real } = await execa("sh", ["-c", "command -v docker"]);
    await writeFile(path.join(programs, "docker"), counter(real, calls));
    await chmod(path.join(programs, "docker"), 0o755);
    container = await startServer({ mount: repository });
    for (const setting of ["log_statement = 'all'", "log_connections = on", "log_line_prefix = '%a|'"])
      await sql(container, `ALTER SYSTEM SET ${setting}`);
    await sql(container, "SELECT pg_reload_conf()");
    for (const count of [3, 30]) {
      await sql(container, `CREATE DATABASE source_${count}`);
      await sql(container, `CREATE EXTENSION postgis; ${tables(count)}`, `source_${count}`);
    }
  });
  after(async () => {
    await removeContainer(container);
    await removeFolder(repository);
    await removeFolder(programs);
  });

  /** What some work of the runner's own takes, besides reading each table once. */
  async function effortOf(work: (env: Record<string, string>) => Promise<unknown>): Promise<Effort> {
    await rm(calls, { force: true });
    const mark = randomUUID();
    await sql(container, `SELECT '${mark}'`);
    await work({ PATH: `${programs}:${process.env["PATH"] ?? ""}` });
    const { stderr } = await execa("docker", ["logs", container]);
    const lines = stderr.slice(stderr.lastIndexOf(mark)).split("\n");
    const ours = lines.filter((line) => line.startsWith("postgis-backup"));
    const own = ours.filter((line) => /LOG: {2}statement: (SELECT to_jsonb|ALTER|REVOKE)/.test(line));
    return {
      statements: own.filter((line) => !isProgram(line)).length,
      sessions: lines.filter((line) => /connection authorized: .*application_name=postgis-backup/.test(line))
        .length,
      processes: (await readFile(calls, "utf8")).trim().split("\n").length,
    };
  }

  const isProgram = (line: string) =>
    /jsonb_build_object\('oid', /.test(line) || /statement: ALTER (?!.* SET SCHEMA)/.test(line);

  function assertNoMore(few: Effort, many: Effort): void {
    for (const what of ["statements", "sessions", "processes"] as const)
      assert.ok(
        few[what] > 0 && many[what] <= few[what] + slack,
        `${what}: ${few[what]} for 6 tables, ${many[what]} for 60`,
      );
  }

  const backupOf = (count: number) =>
    effortOf((env) =>
      takeBackup({
        ...{ container, repository, name: `many-${count}`, tables: ["*.*"], env },
        more: ["--database", `source_${count}`, "--jobs", "2"],
      }),
    );

  const restoreOf = (count: number, ...more: string[]) =>
    effortOf(async (env) => {
      const { tableCount } = await restored({
        ...{ container, repository, name: `many-${count}`, database: `target_${count}`, env },
        more: ["--jobs", "2", ...more],
      });
      assert.equal(tableCount, count * 2);
    });

  it("takes a backup of 60 with as many statements, sessions and processes as of 6", async () => {
    assertNoMore(await backupOf(3), await backupOf(30));
  });

  it("restores 60 under their final names with as many as 6", async () => {
    for (const count of [3, 30]) await sql(container, `CREATE DATABASE target_${count}`);
    assertNoMore(await restoreOf(3), await restoreOf(30));
  });

  it("replaces 60 with as many as 6", async () => {
    assertNoMore(await restoreOf(3, "--if-exists", "replace"), await restoreOf(30, "--if-exists", "replace"));
  });
});
