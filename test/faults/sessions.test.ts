import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { execa } from "execa";
import { Manifest } from "../../runner/repository/manifest";
import {
  countQuery,
  dumping,
  endedWhileSending,
  type Fixture,
  backupFixture,
  startBackup,
  tables,
  takeBackup,
  terminateSession,
} from "../support/backup-fixture";
import { expectNothingLost, rememberBackups } from "../support/nothing-lost";
import { sql } from "../support/resources";
import { contentOf, restoreDirectory } from "../support/restored";
import { holdLock, releaseLock } from "../support/table-lock";

const terminated = /terminating connection due to administrator command/;

describe("a backup whose database session is ended", function () {
  this.timeout(120_000);
  let fixture: Fixture;
  const args = (table: string) => ({
    container: fixture.container,
    repository: fixture.repository({ mounted: true }),
    table,
  });

  before(async () => {
    fixture = await backupFixture({ statements: tables() });
    await takeBackup(args("small"));
  });
  after(() => fixture.remove());

  const faults = [
    {
      title: "pg_dump's, while it reads a table",
      condition: "query LIKE 'COPY public.large%'",
      code: "dump-failed",
      message: new RegExp(`^error\\[dump-failed\\]: pg_dump failed: .*${endedWhileSending}`, "s"),
    },
    {
      title: "that of the counts",
      condition: `query LIKE '${countQuery}'`,
      code: "server-error",
      message: /^error\[server-error\]: Counting the rows failed: .*administrator command/s,
    },
  ] as const;
  for (const { title, condition, code, message } of faults) {
    it(`fails in the server's words: ${title}`, async () => {
      const before = await rememberBackups(fixture.container, args("small").repository);
      const { ended } = startBackup(args("large"));
      await terminateSession(fixture.container, condition);
      await expectNothingLost(before, await ended, { code, message });
    });
  }

  it("fails in the server's words: the runner's own, before pg_dump has its snapshot", async () => {
    const before = await rememberBackups(fixture.container, args("small").repository);
    // Without somebody in its way, the runner is past this point before anything else can see it there.
    await holdLock(fixture.container, "LOCK TABLE large", { name: "migration" });
    const { ended } = startBackup(args("large"));
    await terminateSession(fixture.container, "query LIKE 'LOCK TABLE%' AND wait_event_type = 'Lock'");
    const outcome = await ended;
    await releaseLock(fixture.container, "migration");
    await expectNothingLost(before, outcome, { code: "server-error", message: terminated });
  });

  it("names the session that held the snapshot, not what failed after it", async () => {
    const before = await rememberBackups(fixture.container, args("small").repository);
    const { ended } = startBackup(args("large"));
    await dumping(fixture.container);
    await terminateSession(fixture.container, "state = 'idle in transaction'");
    await terminateSession(fixture.container, "query LIKE 'COPY public.large%'");
    const outcome = await ended;
    await expectNothingLost(before, outcome, { code: "server-error", message: terminated });
    assert.doesNotMatch(outcome.stderr, /pg_dump failed/);
  });

  it("fails when the runner's own goes while rows are dumped and counted", async () => {
    const before = await rememberBackups(fixture.container, args("small").repository);
    const { ended } = startBackup(args("large"));
    const runs = (query: string) => `EXISTS (SELECT FROM pg_stat_activity WHERE query LIKE '${query}')`;
    // Once rows are counted, that session has nothing to do before the end.
    const all = `${runs("COPY public.large%")} AND ${runs(countQuery)}`;
    await terminateSession(fixture.container, `state = 'idle in transaction' AND ${all}`);
    await expectNothingLost(before, await ended, { code: "server-error", message: terminated });
  });

  it("is whole, or fails, when the runner's own goes after pg_dump has its snapshot", async () => {
    const before = await rememberBackups(fixture.container, args("small").repository);
    const { ended } = startBackup(args("large"));
    await dumping(fixture.container);
    await terminateSession(fixture.container, "state = 'idle in transaction'");
    const outcome = await ended;
    if (outcome.exitCode !== 0) {
      // It was idle just then, and so among those that were ended.
      await expectNothingLost(before, outcome, { code: "server-error", message: terminated });
      return;
    }
    const nameFolder = path.join(args("large").repository, "cbm");
    const text = readFileSync(path.join(nameFolder, "latest", "manifest.json"), "utf8");
    const { id, tables } = Manifest.parse(JSON.parse(text));
    assert.deepEqual(
      tables.map(({ name, rows }) => [name, rows]),
      [["large", 1500000]],
    );
    await restoreDirectory(fixture.container, `/backups/cbm/${id}/archive`, "restored");
    assert.equal(
      await contentOf(fixture.container, "large", "restored"),
      await contentOf(fixture.container, "large"),
    );
  });

  it("fails when the server crashes, and the server recovers", async () => {
    const before = await rememberBackups(fixture.container, args("small").repository);
    const { ended } = startBackup(args("large"));
    const pid = await dumping(fixture.container);
    await execa("docker", ["exec", fixture.container, "kill", "-KILL", String(pid)]);
    const outcome = await ended;
    while (!(await answers())) await new Promise((resolve) => setTimeout(resolve, 200));
    await expectNothingLost(before, outcome, {
      code: "server-error",
      message: /crash of another server process|server closed the connection unexpectedly/,
    });
    await takeBackup(args("small"));
  });

  const answers = () =>
    sql(fixture.container, "SELECT 1").then(
      () => true,
      () => false,
    );
});
