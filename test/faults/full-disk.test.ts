import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { stat, truncate } from "node:fs/promises";
import path from "node:path";
import { execa } from "execa";
import {
  dumping,
  type Fixture,
  backupFixture,
  startBackup,
  takeBackup,
  ways,
} from "../support/backup-fixture";
import { expectNothingLost, rememberBackups } from "../support/nothing-lost";
import { mountDisk, removeDisk, sql } from "../support/resources";

/** Needs the right to mount. */
describe("a backup to a disk that becomes full", function () {
  this.timeout(120_000);
  let disk: string;
  let fixture: Fixture;

  before(async () => {
    disk = await mountDisk(200);
    fixture = await backupFixture({ folder: disk });
  });
  after(async () => {
    await fixture.remove();
    await removeDisk(disk);
  });

  for (const way of ways) {
    it(`says so, with the folder and the free bytes, and keeps the earlier ones (${way.title})`, async () => {
      const { container } = fixture;
      const args = { container, repository: fixture.repository(way), format: way.format };
      await takeBackup({ ...args, table: "small" });
      const before = await rememberBackups(container, args.repository);
      const { ended } = startBackup({ ...args, table: "large" });
      await dumping(container);
      const filler = path.join(disk, "filler");
      const { stderr } = await execa("dd", ["if=/dev/zero", `of=${filler}`, "bs=1M"], { reject: false });
      assert.match(stderr, /No space left/);
      const outcome = await ended;
      await execa("rm", [filler]);
      await expectNothingLost(before, outcome, {
        code: "space-insufficient",
        message: /The disk of \S+ is full.*No space left on device.* [\d.]+ [kM]?B are free/is,
      });
      assert.ok(outcome.stderr.includes(path.join(args.repository, "cbm")), outcome.stderr);
    });
  }

  it("is refused before it begins, also where nothing has analyzed the table", async () => {
    const { container } = fixture;
    await sql(
      container,
      "CREATE TABLE unseen WITH (autovacuum_enabled = off) AS SELECT repeat('x', 1000) FROM generate_series(1, 50000)",
    );
    const args = { container, repository: path.join(disk, "small"), table: "unseen", format: "custom" };
    await execa("dd", ["if=/dev/zero", `of=${path.join(disk, "filler")}`, "bs=1M"], { reject: false });
    await truncate(path.join(disk, "filler"), (await stat(path.join(disk, "filler"))).size - 5_000_000);
    for (const more of [["--dry-run"], []]) {
      const { exitCode, stderr } = await startBackup({ ...args, more }).ended;
      assert.equal(exitCode, 1, stderr);
      assert.match(stderr, /^error\[space-insufficient\]: .*is expected to take about 1\d/m);
      assert.ok(!existsSync(path.join(args.repository, "cbm")), "nothing is written");
    }
  });
});
