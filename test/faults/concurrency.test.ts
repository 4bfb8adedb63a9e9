import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import path from "node:path";
import { dumping, type Fixture, backupFixture, startBackup, takeBackup } from "../support/backup-fixture";
import { endedBy, expectNothingLost, rememberBackups } from "../support/nothing-lost";

describe("two runs of one backup at once", function () {
  this.timeout(120_000);
  let fixture: Fixture;

  before(async () => {
    fixture = await backupFixture();
  });
  after(() => fixture.remove());

  it("let the first go on and refuse the second", async () => {
    const args = { container: fixture.container, repository: fixture.repository({ mounted: true }) };
    const nameFolder = path.join(args.repository, "cbm");
    const small = await takeBackup({ ...args, table: "small" });
    const before = await rememberBackups(args.container, args.repository);
    const first = startBackup({ ...args, table: "large" });
    await dumping(args.container);
    const second = await startBackup({ ...args, table: "large" }).ended;
    assert.match(second.stderr, /^error\[backup-in-progress\]: Another run of backup "cbm"/m);
    assert.equal(second.exitCode, 1);
    assert.ok(
      (await readdir(nameFolder)).some((name) => name.endsWith(".partial")),
      "the first goes on",
    );
    first.child.kill("SIGTERM");
    await expectNothingLost(before, await first.ended, endedBy("SIGTERM"));
    const next = await takeBackup({ ...args, table: "small" });
    assert.ok(next > small);
  });
});
