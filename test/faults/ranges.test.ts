import assert from "node:assert/strict";
import path from "node:path";
import { execa } from "execa";
import { runningContainer } from "../../runner/docker/container";
import { directDocker } from "../../runner/docker/docker";
import type { Failure } from "../../runner/lib/failure";
import { readContents } from "../../runner/postgres/archive/contents";
import { serverTarget } from "../../runner/postgres/session/server";
import {
  endedWhileSending,
  type Fixture,
  sessionRunning,
  backupFixture,
  startBackup,
  tables,
  takeBackup,
  terminateSession,
} from "../support/backup-fixture";
import { endedBy, expectNoCrash, expectNothingLost, rememberBackups } from "../support/nothing-lost";
import { mountDisk, removeDisk, sql } from "../support/resources";
import { throwaways } from "../support/throwaways";

const inRanges = ["--jobs", "3", "--split-tables-from", "1000000"];

/** Needs the right to mount. */
describe("a backup of a table in ranges", function () {
  this.timeout(180_000);
  let disk: string;
  let fixture: Fixture;
  const repository = () => fixture.repository({ mounted: true });
  const args = (table: string) => ({
    container: fixture.container,
    repository: repository(),
    table,
    more: inRanges,
  });
  const copying = "query LIKE 'COPY%FROM ONLY public.large WHERE%'";

  before(async () => {
    disk = await mountDisk(250);
    fixture = await backupFixture({ folder: disk, statements: tables() });
    await takeBackup(args("small"));
  });
  after(async () => {
    await fixture.remove();
    await removeDisk(disk);
  });
  afterEach(async () => {
    assert.deepEqual(await throwaways(disk), []);
  });

  const untilCopying = () => sessionRunning(fixture.container, "COPY%FROM ONLY public.large WHERE%");

  it("fails in the server's words when the session of a worker is ended", async () => {
    const before = await rememberBackups(fixture.container, repository());
    const { ended } = startBackup(args("large"));
    await terminateSession(fixture.container, copying);
    await expectNothingLost(before, await ended, {
      code: "dump-failed",
      message: new RegExp(
        `^error\\[dump-failed\\]: Copying a range of a table failed: .*${endedWhileSending}`,
        "s",
      ),
    });
  });

  it("fails rather than wait for somebody who waits for it", async () => {
    await sql(
      fixture.container,
      "CREATE TABLE first AS SELECT md5(g::text) AS noise FROM generate_series(1, 800000) g",
    );
    const before = await rememberBackups(fixture.container, repository());
    const size = await sql(fixture.container, "SELECT pg_table_size('large')");
    const { ended } = startBackup({ ...args("*"), more: ["--jobs", "3", "--split-tables-from", size] });
    await sessionRunning(fixture.container, "COPY public.first%");
    const change = sql(fixture.container, "ALTER TABLE large ADD COLUMN later int");
    const outcome = await ended;
    await change;
    await sql(fixture.container, "DROP TABLE first; ALTER TABLE large DROP COLUMN later");
    await expectNothingLost(before, outcome, {
      code: "dump-failed",
      message: /could not obtain lock on relation "public\.large"/,
    });
  });

  it("fails in pg_dump's words when there is no table of contents to be had", async () => {
    const { container } = fixture;
    const inspection = await runningContainer(directDocker(undefined), container);
    const request = { user: "postgres", database: "postgres" };
    const target = serverTarget(directDocker(undefined), inspection, request, "postgis-backup");
    const options = {
      format: "directory",
      jobs: 3,
      compression: "none",
      version: 17,
      sequences: [],
      lockTimeout: 5,
    } as const;
    // A snapshot that nobody holds any more.
    const snapshot = {
      id: "00000003-0000001B-1",
      tables: [],
      skipped: [],
      ofExtensions: [],
      ignoredReferences: [],
    };
    await assert.rejects(
      readContents(target, options, snapshot, 0, new AbortController().signal),
      ({ code, message }: Failure) => code === "dump-failed" && /snapshot/.test(message),
    );
  });

  for (const signal of ["SIGINT", "SIGTERM", "SIGKILL"] as const) {
    it(`leaves no process, no session and no half backup after ${signal}`, async () => {
      const before = await rememberBackups(fixture.container, repository());
      const { child, ended } = startBackup(args("large"));
      await untilCopying();
      child.kill(signal);
      await expectNothingLost(before, await ended, endedBy(signal));
    });
  }

  it("says so when the disk becomes full", async () => {
    await takeBackup(args("small"));
    const before = await rememberBackups(fixture.container, repository());
    const { ended } = startBackup(args("large"));
    await untilCopying();
    const filler = path.join(disk, "filler");
    await execa("dd", ["if=/dev/zero", `of=${filler}`, "bs=1M"], { reject: false });
    const outcome = await ended;
    await execa("rm", [filler]);
    await expectNothingLost(before, outcome, {
      code: "space-insufficient",
      message: /The disk of \S+ is full.*No space left on device/is,
    });
  });

  it("never makes the server take one of its processes for a crashed backend", async () => {
    await expectNoCrash(fixture.container);
  });
});
