/** Each call of docker takes a tenth of a second on two cores. What a backup of a small table calls is known, so that no call creeps in. */
import assert from "node:assert/strict";
import { chmod, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { execa } from "execa";
import { takeBackup } from "../support/backup";
import { startServer } from "../support/container";
import { removeContainer, removeFolder, sql, temporaryFolder } from "../support/resources";

/** A line for each call but those that look every other second whether the container is there. */
const recorder = (real: string, calls: string) => `#!/bin/sh
[ "$1" = container ] || echo "$1" >>${calls}
exec "${real}" "$@"
`;

describe("the docker calls of a backup", function () {
  this.timeout(300_000);
  let container: string;
  let mounted: string;
  let unseen: string;
  let programs: string;
  let calls: string;

  before(async () => {
    [mounted, unseen, programs] = await Promise.all([
      temporaryFolder(),
      temporaryFolder(),
      temporaryFolder(),
    ]);
    calls = path.join(programs, "calls");
    const { stdout: real } = await execa("sh", ["-c", "command -v docker"]);
    await writeFile(path.join(programs, "docker"), recorder(real, calls));
    await chmod(path.join(programs, "docker"), 0o755);
    container = await startServer({ mount: mounted });
    await sql(container, "CREATE EXTENSION IF NOT EXISTS postgis; CREATE TABLE empty (id int, g geometry)");
    await sql(
      container,
      "CREATE TABLE filled AS SELECT i AS id, md5(i::text) FROM generate_series(1, 30000) i",
    );
  });
  after(async () => {
    await removeContainer(container);
    for (const folder of [mounted, unseen, programs]) await removeFolder(folder);
  });

  /** How often each was called. */
  async function callsOf(repository: string, table: string, ...more: string[]) {
    await rm(calls, { force: true });
    const env = { PATH: `${programs}:${process.env["PATH"] ?? ""}` };
    const { result, stderr } = await takeBackup({
      ...{ container, repository, name: table.replace(".", "-"), tables: [table], env },
      more: ["--database", "postgres", ...more],
    });
    const called = (await readFile(calls, "utf8")).trim().split("\n");
    const counts = new Map<string, number>();
    for (const name of called) counts.set(name, (counts.get(name) ?? 0) + 1);
    return { counts: Object.fromEntries([...counts].toSorted()), stderr, location: result.location };
  }

  it("of an empty table, in a folder that its container sees, start no other container", async () => {
    const { counts } = await callsOf(mounted, "empty");
    // The server; pg_dump; who may connect; the session; the folder; the dump; the counts; the table of contents.
    assert.deepEqual(counts, { exec: 8, image: 1 });
  });

  it("of an empty table, streamed to another folder, are these", async () => {
    const { counts } = await callsOf(unseen, "empty", "--format", "custom");
    assert.deepEqual(counts, { create: 1, exec: 9, image: 1, start: 1 });
  });

  for (const [what, statement, has] of [
    ["comment on a schema", "COMMENT ON SCHEMA noted IS 'of all'", /^COMMENT ON SCHEMA noted IS 'of all';$/m],
    [
      "grant on a schema",
      "GRANT USAGE ON SCHEMA noted TO PUBLIC",
      /^GRANT USAGE ON SCHEMA noted TO PUBLIC;$/m,
    ],
  ] as const)
    it(`read a ${what} with one dump of definitions and one more for the script`, async () => {
      await sql(container, `DROP SCHEMA IF EXISTS noted CASCADE; CREATE SCHEMA noted; ${statement}`);
      await sql(container, "CREATE TABLE noted.t (id int)");
      const { counts, location } = await callsOf(mounted, "noted.t");
      assert.deepEqual(counts, { exec: 10, image: 1 });
      assert.match(await readFile(path.join(location, "prepare.sql"), "utf8"), has);
    });

  it("of a table that did not change are these", async () => {
    await callsOf(mounted, "filled", "--full-every", "7d");
    const { counts, stderr } = await callsOf(mounted, "filled", "--full-every", "7d");
    assert.match(stderr, /1 of 1 tables did not change/);
    assert.deepEqual(counts, { exec: 9, image: 1 });
  });
});
