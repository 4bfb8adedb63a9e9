import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { mkdir, readdir, readlink, stat, utimes, writeFile } from "node:fs/promises";
import path from "node:path";
import { abandonBackup } from "../../../runner/repository/folder/abandon";
import { sealFiles } from "../../../runner/repository/files";
import { beginBackup, discardBackup, publishBackup } from "../../../runner/repository/folder/folder";
import { removeFolder, temporaryFolder } from "../../support/resources";
import { backupId } from "../../../runner/repository/backup-id";

describe("a folder of backups", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await temporaryFolder();
  });
  afterEach(() => removeFolder(folder));

  it("names backups by the time in UTC", () => {
    assert.equal(backupId(new Date("2026-11-22T08:15:00.123Z")), "20261122T081500Z");
  });

  it("shows a backup under its name only when it is published, and then as the latest", async () => {
    const pending = await beginBackup(folder, "cbm", "key");
    await writeFile(path.join(pending.workPath, "manifest.json"), "{}");
    assert.ok(!existsSync(pending.finalPath));
    assert.equal(path.basename(pending.workPath), `.${pending.id}.partial`);
    await publishBackup(pending);
    assert.equal(await readlink(path.join(folder, "cbm", "latest")), pending.id);
    assert.equal(readFileSync(path.join(folder, "cbm", "latest", "manifest.json"), "utf8"), "{}");
    assert.deepEqual((await readdir(path.join(folder, "cbm"))).sort(), [pending.id, "latest"]);
  });

  it("leaves nothing of a discarded backup, and the latest as it was", async () => {
    const first = await beginBackup(folder, "cbm", "key");
    await publishBackup(first);
    const second = await beginBackup(folder, "cbm", "key");
    await writeFile(path.join(second.workPath, "half"), "");
    await discardBackup(second);
    assert.deepEqual((await readdir(path.join(folder, "cbm"))).sort(), [first.id, "latest"]);
    assert.equal(await readlink(path.join(folder, "cbm", "latest")), first.id);
  });

  it("never gives two runs the same id", async () => {
    const runs = await Promise.all(["a", "b", "c"].map((key) => beginBackup(folder, "cbm", key)));
    assert.equal(new Set(runs.map(({ id }) => id)).size, 3);
  });

  it("is rid of what a dead run with the same key left, and of nothing else", async () => {
    const [dead, other] = [
      await beginBackup(folder, "cbm", "key"),
      await beginBackup(folder, "cbm", "other"),
    ];
    const own = path.join(folder, "cbm", ".notes.partial");
    await writeFile(own, "");
    await beginBackup(folder, "cbm", "key");
    assert.ok(!existsSync(dead.workPath));
    assert.ok(existsSync(other.workPath) && existsSync(own));
  });

  it("has no backup under an id that is taken elsewhere", async () => {
    const asked: string[] = [];
    const { id } = await beginBackup(folder, "cbm", "key", (one) => Promise.resolve(asked.push(one) === 1));
    assert.equal(asked.length, 2);
    assert.equal(id, asked[1]);
  });

  it("keeps for a day what does not say whose it is, and no longer", async () => {
    const [recent, old] = ["20261121T080000Z", "20261120T080000Z"].map((id) =>
      path.join(folder, "cbm", `.${id}.partial`),
    ) as [string, string];
    for (const unknown of [recent, old]) await mkdir(unknown, { recursive: true });
    const yesterday = new Date(Date.now() - 25 * 60 * 60 * 1000);
    await utimes(old, yesterday, yesterday);
    await beginBackup(folder, "cbm", "key");
    assert.deepEqual([recent, old].map(existsSync), [true, false]);
  });

  it("loses nothing but its own work folder to a run that fails", async () => {
    const pending = await beginBackup(folder, "cbm", "key");
    const theirs = path.join(pending.finalPath, "manifest.json");
    await mkdir(pending.finalPath);
    await writeFile(theirs, "{}");
    const error = new Error("why");
    assert.equal(await abandonBackup(pending, error), error);
    assert.deepEqual([pending.workPath, theirs].map(existsSync), [false, true]);
  });

  it("is its owner's alone", async () => {
    const { workPath } = await beginBackup(folder, "cbm", "key");
    assert.equal((await stat(workPath)).mode & 0o777, 0o700);
    assert.equal((await stat(path.dirname(workPath))).mode & 0o777, 0o700);
  });

  it("that cannot be written is an error that names it", async () => {
    await writeFile(path.join(folder, "file"), "");
    await assert.rejects(
      beginBackup(path.join(folder, "file"), "cbm", "key"),
      /file\/cbm cannot be written: .*Choose another repository/,
    );
  });

  it("knows size and SHA-256 of every file", async () => {
    await mkdir(path.join(folder, "archive"));
    await writeFile(path.join(folder, "archive", "1.dat"), "abc");
    await writeFile(path.join(folder, "z"), "");
    assert.deepEqual(await sealFiles(folder), [
      {
        path: "archive/1.dat",
        bytes: 3,
        sha256: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
      },
      { path: "z", bytes: 0, sha256: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
    ]);
  });
});
