import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import path from "node:path";
import { execa } from "execa";
import { takeBackup } from "../support/backup";
import { sessionRunning, terminateSession } from "../support/backup-fixture";
import { docker, startServer, TestContainer } from "../support/container";
import { flipBit } from "../support/damage";
import { expectNoCrash, untilNothingRemains } from "../support/nothing-lost";
import { removeContainer, removeFolder, sql, temporaryFolder } from "../support/resources";
import { refused, remainsOf, restoreArguments, restored } from "../support/restore-fixture";
import { endedStatus, runnerMain } from "../support/runner";
import { throwaways } from "../support/throwaways";
import { restoredTables, rowsOf, slowDown, speedUp, stateOf, usedDatabase } from "../support/used-database";

const rows = 40_000;

describe("a restore that goes wrong", function () {
  this.timeout(400_000);
  let container: string;
  let mounted: string;
  let elsewhere: string;

  before(async () => {
    mounted = await temporaryFolder();
    elsewhere = await temporaryFolder();
    container = await startServer({ mount: mounted });
    await sql(container, `${restoredTables(rows)} CREATE ROLE reader LOGIN`);
    for (const [repository, format] of [
      [mounted, "directory"],
      [elsewhere, "custom"],
    ] as const)
      await takeBackup({ container, repository, tables: ["small", "large"], more: ["--format", format] });
  });
  after(async () => {
    await removeContainer(container);
    await removeFolder(mounted);
    await removeFolder(elsewhere);
  });

  const used = (database: string) => usedDatabase(container, database);
  const now = (database: string) => stateOf(container, database);
  const hidden = async () =>
    (await readdir(path.join(mounted, "cbm"))).filter((name) => /^\.restore/.test(name));

  async function nothingRemains(database: string): Promise<void> {
    await untilNothingRemains(async () => [
      ...(await remainsOf(container, [database])),
      ...(await hidden()),
      ...(await throwaways(mounted, elsewhere)),
    ]);
  }

  for (const way of ["linked", "shared", "streamed"] as const) {
    for (const signal of ["SIGINT", "SIGTERM", "SIGKILL"] as const) {
      it(`because of ${signal} leaves all as it was, and can be run again (${way})`, async () => {
        const database = `${way}_${signal.toLowerCase()}`;
        const before = await used(database);
        const repository = way === "streamed" ? elsewhere : mounted;
        const together = ["--jobs", "2", "--split-tables-from", "1"];
        const more = ["--if-exists", "replace", ...(way === "shared" ? together : [])];
        const args = restoreArguments({ container, repository, database, more });
        await slowDown(container, database);
        const child = execa("node", [runnerMain, ...args], { reject: false });
        await sessionRunning(container, "COPY %large% FROM %");
        child.kill(signal);
        const { exitCode, stdout, stderr } = await child;
        await speedUp(container, database);
        assert.equal(stdout, "");
        if (signal !== "SIGKILL") {
          assert.equal(exitCode, endedStatus[signal], stderr);
          assert.match(stderr, new RegExp(`error\\[interrupted\\]: Interrupted by ${signal}`));
          await nothingRemains(database);
        }
        // What a killed run left beside the tables goes with the next one.
        const same = (text: string) => (signal === "SIGKILL" ? text.split("\n")[0] : text);
        assert.equal(same(await now(database)), same(before));
        await restored({ container, repository, database, more });
        assert.equal(await rowsOf(container, database), await rowsOf(container));
        await nothingRemains(database);
        await expectNoCrash(container);
      });
    }
  }

  it("because the session of a worker that shares a table is ended leaves all as it was", async () => {
    const before = await used("worker");
    const more = ["--if-exists", "replace", "--jobs", "2", "--split-tables-from", "1"];
    await slowDown(container, "worker");
    const refusing = refused({ container, repository: mounted, database: "worker", more });
    await terminateSession(container, "query LIKE 'COPY %large% FROM %'");
    assert.match(await refusing, /^error\[restore-failed\]: .*rows: .*administrator command/s);
    assert.equal(await now("worker"), before);
    await nothingRemains("worker");
  });

  it("because the last step is refused leaves all as it was", async () => {
    const before = await used("refusing");
    await sql(
      container,
      `CREATE FUNCTION refuse() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN
         IF EXISTS (SELECT FROM pg_event_trigger_ddl_commands() WHERE schema_name = 'public' AND object_identity = 'public.small')
         THEN RAISE 'not in my schema'; END IF; END $$;
       CREATE EVENT TRIGGER refuse ON ddl_command_end WHEN TAG IN ('ALTER TABLE') EXECUTE FUNCTION refuse()`,
      "refusing",
    );
    const stderr = await refused({
      container,
      repository: mounted,
      database: "refusing",
      more: ["--if-exists", "swap"],
    });
    assert.match(stderr, /^error\[server-error\]: .*not in my schema/);
    await sql(container, "DROP EVENT TRIGGER refuse; DROP FUNCTION refuse", "refusing");
    assert.equal(await now("refusing"), before);
    await nothingRemains("refusing");
  });

  it("because of a view refuses before it begins, and names the view", async () => {
    await used("viewed");
    await sql(container, "CREATE VIEW seen AS SELECT g FROM large", "viewed");
    const before = await now("viewed");
    for (const action of ["replace", "swap"]) {
      const more = ["--if-exists", action];
      const stderr = await refused({ container, repository: mounted, database: "viewed", more });
      assert.match(stderr, /^error\[dependent-object\]: .*: view seen\. /);
    }
    assert.equal(await now("viewed"), before);
  });

  it("because of a view that somebody made meanwhile leaves all as it was", async () => {
    const database = "viewed_later";
    const before = await used(database);
    await slowDown(container, database);
    const refusing = refused({ container, repository: mounted, database, more: ["--if-exists", "swap"] });
    await sessionRunning(container, "COPY %large% FROM %");
    await sql(container, "CREATE VIEW seen AS SELECT count(*) FROM small", database);
    assert.match(await refusing, /^error\[dependent-object\]: .*: view seen\. /);
    await sql(container, "DROP VIEW seen", database);
    assert.equal(await now(database), before);
    await nothingRemains(database);
  });

  it("says all that keeps a role from restoring", async () => {
    const stderr = await refused({ container, repository: mounted, more: ["--user", "reader"] });
    assert.match(stderr, /^error\[privilege-missing\]: .*ALTER ROLE "reader" CREATEDB/m);
    assert.match(stderr, /^error\[privilege-missing\]: .*GRANT CREATE ON DATABASE/m);
    assert.match(stderr, /^error\[privilege-missing\]: .*to their owners, postgres/m);
  });

  it("refuses a damaged backup, and changes nothing", async () => {
    const repository = await temporaryFolder();
    const options = { container, repository, database: "damaged", more: ["--if-exists", "replace"] };
    const { result } = await takeBackup({
      container,
      repository,
      tables: ["small"],
      more: ["--format", "custom"],
    });
    await flipBit(path.join(result.location, "archive.dump"));
    const before = await used("damaged");
    assert.match(await refused(options), /^error\[checksum-mismatch\]/);
    assert.equal(await now("damaged"), before);
    await removeFolder(repository);
  });

  it("never shows a reader less than all rows while tables are swapped", async () => {
    const database = "read";
    await sql(container, `CREATE DATABASE ${database} TEMPLATE template0`);
    await restored({ container, repository: mounted, database });
    await slowDown(container, database);
    const done = new AbortController();
    const counts: string[] = [];
    const reading = (async () => {
      while (!done.signal.aborted) counts.push(await sql(container, "SELECT count(*) FROM large", database));
    })();
    for (const action of ["swap", "replace"])
      await restored({ container, repository: mounted, database, more: ["--if-exists", action] });
    done.abort();
    await reading;
    assert.ok(counts.length > 10);
    assert.deepEqual([...new Set(counts)], [String(rows)]);
  });

  it("because the server is killed leaves all as it was, and can be run again", async () => {
    const before = await used("killed");
    const options = { container, repository: mounted, database: "killed", more: ["--if-exists", "replace"] };
    await slowDown(container, "killed");
    const failing = refused(options);
    await sessionRunning(container, "COPY %large% FROM %");
    await docker("kill", container);
    assert.match(await failing, /^error\[container-lost\]/m);
    await docker("start", container);
    await new TestContainer(container).ready();
    await speedUp(container, "killed");
    assert.equal((await now("killed")).split("\n")[0], before.split("\n")[0]);
    await restored(options);
    assert.equal(await rowsOf(container, "killed"), await rowsOf(container));
    await nothingRemains("killed");
  });
});
