import assert from "node:assert/strict";
import path from "node:path";
import { mkdir } from "node:fs/promises";
import { dumping, slowTables, startBackup, takeBackup } from "../support/backup-fixture";
import { type Pair, setSettings, startStandby } from "../support/hot-standby";
import { speakGerman } from "../support/german";
import { expectNothingLost, rememberBackups } from "../support/nothing-lost";
import { removeFolder, sql, temporaryFolder } from "../support/resources";
import { holdLock, releaseLock } from "../support/table-lock";

describe("a backup of a hot standby", function () {
  this.timeout(180_000);
  let folder: string;
  let pair: Pair;
  const args = (table: string, ...more: string[]) => ({
    container: pair.standby,
    repository: path.join(folder, "backups"),
    table,
    more,
  });

  before(async () => {
    folder = await temporaryFolder();
    await mkdir(path.join(folder, "backups"));
    pair = await startStandby({
      mount: path.join(folder, "backups"),
      prepare: (primary) => sql(primary, slowTables),
      settings: { max_standby_streaming_delay: "0" },
      // Whatever language it speaks, its conflicts are told apart.
      options: await speakGerman(folder),
    });
    await takeBackup(args("small"));
  });
  after(async () => {
    await pair.remove();
    await removeFolder(folder);
  });

  for (const { title, change } of [
    { title: "removes rows that it reads", change: "DELETE FROM large WHERE g % 2 = 0; VACUUM large" },
    { title: "takes a table for itself", change: "ALTER TABLE large ADD COLUMN more int" },
  ])
    it(`that is in the way of its primary, which ${title}, fails and names the settings that help`, async () => {
      const before = await rememberBackups(pair.standby, args("small").repository);
      const { ended } = startBackup(args("large"));
      await dumping(pair.standby);
      await sql(pair.primary, change);
      await expectNothingLost(before, await ended, {
        code: "standby-conflict",
        message: /hot_standby_feedback = on.*max_standby_streaming_delay.*due to conflict with recovery/s,
      });
    });

  it("succeeds with the settings that the message names", async () => {
    await setSettings(pair.standby, { hot_standby_feedback: "on", max_standby_streaming_delay: "-1" });
    const { ended } = startBackup(args("large"));
    await dumping(pair.standby);
    await sql(
      pair.primary,
      "DELETE FROM large WHERE g % 3 = 0; VACUUM large; ALTER TABLE large ADD other int",
    );
    const { exitCode, stderr } = await ended;
    assert.equal(exitCode, 0, stderr);
  });

  it("waits for a transaction of the primary that has a table for itself, and says that it is one", async () => {
    await pair.follow();
    await holdLock(pair.primary, "LOCK TABLE small", { name: "migration" });
    await pair.follow();
    const before = await rememberBackups(pair.standby, args("small").repository);
    const outcome = await startBackup(args("small", "--lock-timeout", "3")).ended;
    await releaseLock(pair.primary, "migration");
    await expectNothingLost(before, outcome, {
      code: "lock-timeout",
      message: /public\.small is locked by a transaction of the primary/,
    });
    assert.doesNotMatch(outcome.stderr, /pg_terminate_backend/);
  });
});
