import assert from "node:assert/strict";
import { readdir, rename, rm } from "node:fs/promises";
import path from "node:path";
import { pruneAfterBackup } from "../../../runner/backup/index";
import { prune } from "../../../runner/prune/index";
import { progressOn, quietDisplay } from "../../../runner/lib/progress";
import { BackupRequest, PruneRequest } from "../../../runner/request";
import { folderRepository } from "../../../runner/repository/folder/folder-repository";
import { removeFolder, temporaryFolder } from "../../support/resources";
import { writeBackup } from "../../support/sample-backups";

const [oldest, older, newest] = ["20251120T080000Z", "20251121T080000Z", "20251122T080000Z"] as const;
const progress = progressOn(quietDisplay(() => undefined));
const { signal } = new AbortController();

describe("pruning", () => {
  let repository: string;
  beforeEach(async () => {
    repository = await temporaryFolder();
  });
  afterEach(() => removeFolder(repository));

  const pruned = (change: object) =>
    prune(
      folderRepository(repository),
      PruneRequest.parse({ repository, name: "cbm", ...change }),
      progress,
      signal,
    );
  const ids = (removed: readonly { readonly id: string }[]) => removed.map(({ id }) => id);
  const there = async () => (await readdir(path.join(repository, "cbm"))).sort();

  /** From the oldest to the newest. */
  async function write(...bytes: number[]): Promise<void> {
    for (const [index, id] of [oldest, older, newest].entries())
      await writeBackup(repository, id, { bytes: bytes[index] ?? 10 });
  }

  it("keeps what any rule keeps, and removes the rest", async () => {
    await write();
    const sizes = (await folderRepository(repository).backups("cbm")).map(({ bytes }) => bytes);
    const { removed, freedBytes, kept, left, alarms } = await pruned({ retention: { keepLast: 2 } });
    assert.deepEqual([ids(removed), alarms], [[oldest], []]);
    assert.equal(freedBytes, sizes[0]);
    assert.deepEqual(
      kept.map(({ id, reasons }) => [id, reasons.length > 0]),
      [
        [older, true],
        [newest, true],
      ],
    );
    assert.deepEqual(left, []);
    assert.deepEqual(await there(), [older, newest]);
  });

  it("only says, in a dry run, what it would remove, and ends no removal", async () => {
    await write();
    const hidden = `.${oldest}.removed`;
    await rename(path.join(repository, "cbm", oldest), path.join(repository, "cbm", hidden));
    const { removed, freedBytes, dryRun } = await pruned({ retention: { keepLast: 1 }, dryRun: true });
    assert.deepEqual([ids(removed), dryRun], [[older], true]);
    assert.ok(freedBytes > 1000, "the manifest alone has more");
    assert.deepEqual(await there(), [hidden, older, newest]);
  });

  it("gives the bytes of a removal that it ends for another run", async () => {
    await write(10, 10, 10);
    await rename(path.join(repository, "cbm", oldest), path.join(repository, "cbm", `.${oldest}.removed`));
    const { removed, freedBytes } = await pruned({ retention: { keepLast: 2 } });
    assert.deepEqual(ids(removed), [oldest]);
    assert.ok(freedBytes > 1000, String(freedBytes));
  });

  it("never counts a backup that failed its verification, and removes none because of it", async () => {
    await write();
    const failed = {
      ...{ recordVersion: 1 as const, level: "archive" as const, seconds: 1 },
      ...{ finishedAt: new Date().toISOString(), error: { code: "checksum-mismatch", message: "x" } },
    };
    await folderRepository(repository).record("cbm", newest, failed);
    const { removed, kept, alarms } = await pruned({ retention: { keepLast: 1 } });
    assert.deepEqual(ids(removed), [oldest]);
    assert.deepEqual(
      kept.map(({ id, reasons }) => [id, reasons.join(", ")]),
      [
        [older, "newest, last"],
        [newest, "its verification failed, latest"],
      ],
    );
    assert.match(alarms.join("\n"), new RegExp(`^Backup \\S+${newest} failed its last verification\\. `));
  });

  it("removes nothing after a backup that is much smaller", async () => {
    await write(1000, 1000, 10);
    await assert.rejects(pruned({ retention: { keepLast: 1, minSizeRatio: 0.5 } }), {
      code: "backup-too-small",
    });
    assert.deepEqual(await there(), [oldest, older, newest]);
  });

  it("keeps the last one before a drop in size, also when the next ones are as small", async () => {
    await write(1000, 10, 10);
    const { removed, kept } = await pruned({ retention: { keepLast: 1, minSizeRatio: 0.5 } });
    assert.deepEqual(ids(removed), [older]);
    assert.deepEqual(kept[0], { id: oldest, reasons: ["the next one is much smaller"], problem: undefined });
  });

  it("follows a backup that was verified, and no other", async () => {
    await write();
    const after = (verify: string) =>
      pruneAfterBackup(
        [folderRepository(repository)],
        BackupRequest.parse({
          container: "c",
          repository,
          name: "cbm",
          tables: ["t"],
          retention: { keepLast: 1 },
          verify,
        }),
        newest,
        progress,
        signal,
      );
    const unverified = await after("none");
    assert.deepEqual(unverified.pruned, []);
    assert.match(unverified.alarm ?? "", /No earlier backup was removed, because this one was not verified/);
    assert.deepEqual(await there(), [oldest, older, newest]);
    assert.deepEqual(await after("archive"), { pruned: [oldest, older] });
    assert.deepEqual(await there(), [newest]);
  });

  it("follows a backup in its own database alone, and leaves damaged ones", async () => {
    await write();
    const more = { container: "c", repository, name: "cbm", tables: ["t"], retention: { keepLast: 1 } };
    const other = await writeBackup(repository, "20251123T080000Z", { database: "other" });
    const damaged = await writeBackup(repository, "20251123T090000Z", { database: "other" });
    await rm(path.join(damaged, "manifest.json"));
    const request = BackupRequest.parse(more);
    const after = (id: string) =>
      pruneAfterBackup([folderRepository(repository)], request, id, progress, signal);
    assert.deepEqual((await after(path.basename(other))).pruned, []);
    assert.deepEqual((await after(newest)).pruned, [oldest, older]);
    assert.deepEqual(await there(), [newest, path.basename(other), path.basename(damaged)]);
  });
});
