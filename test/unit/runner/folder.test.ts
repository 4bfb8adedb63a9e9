import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { mkdir, readdir, readlink, rm, stat, utimes, writeFile } from "node:fs/promises";
import path from "node:path";
import { type BegunBackup, Repositories } from "../../../runner/backup/repositories";
import { ownIdentity } from "../../../runner/lib/process-identity";
import { onceOnly, recordOf } from "../../../runner/repository/checksums";
import { checksumsBelow } from "../../../runner/repository/files";
import { folderRepository } from "../../../runner/repository/folder/folder-repository";
import { BackupRequest } from "../../../runner/request";
import { removeFolder, temporaryFolder } from "../../support/resources";
import { sampleManifest } from "../../support/sample-backups";
import { backupId } from "../../../runner/repository/backup-id";

const { signal } = new AbortController();
const asked = { container: "c", name: "cbm", tables: ["t"] };

describe("a folder of backups", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await temporaryFolder();
  });
  afterEach(() => removeFolder(folder));

  it("names backups by the time in UTC", () => {
    assert.equal(backupId(new Date("2026-11-22T08:15:00.123Z")), "20261122T081500Z");
  });

  const [key, otherKey] = ["0123abcd", "ba987654"] as const;
  const begin = (ofKey: string) => {
    const request = BackupRequest.parse({ ...asked, repository: folder });
    return new Repositories(request, new AbortController().signal).begin(ofKey, 1);
  };
  const recordFor = async (begun: BegunBackup) =>
    recordOf({ ...sampleManifest(begun.id), files: await begun.checksums({ note: () => undefined }) });
  const workPath = ({ files }: BegunBackup) => files.folder ?? assert.fail();
  const entries = async () => (await readdir(path.join(folder, "cbm"))).sort();

  it("shows a backup under its name only when it is published, and then as the latest", async () => {
    const begun = await begin(key);
    assert.ok(!existsSync(begun.location));
    assert.match(path.basename(workPath(begun)), new RegExp(`^\\.${begun.id}\\..*-${key}\\.partial$`));
    const record = await recordFor(begun);
    const { location } = await begun.publish(record, signal);
    assert.equal(location, begun.location);
    assert.equal(await readlink(path.join(folder, "cbm", "latest")), begun.id);
    assert.deepEqual(readFileSync(path.join(folder, "cbm", "latest", "manifest.json")), record.source);
    assert.deepEqual(await entries(), [begun.id, "latest"]);
  });

  it("leaves nothing of an abandoned backup, and the latest as it was", async () => {
    const first = await begin(key);
    await first.publish(await recordFor(first), signal);
    const second = await begin(key);
    await writeFile(path.join(workPath(second), "half"), "");
    await second.abandon(undefined);
    assert.deepEqual(await entries(), [first.id, "latest"]);
    assert.equal(await readlink(path.join(folder, "cbm", "latest")), first.id);
  });

  it("never gives two runs the same id", async () => {
    const runs = await Promise.all(["aaaaaaaa", "bbbbbbbb", "cccccccc"].map(begin));
    assert.equal(new Set(runs.map(({ id }) => id)).size, 3);
  });

  it("is rid of what a dead run with the same key left, and of nothing else", async () => {
    const [dead, other] = [await begin(key), await begin(otherKey)];
    const own = path.join(folder, "cbm", ".notes.partial");
    await writeFile(own, "");
    await begin(key);
    assert.ok(!existsSync(workPath(dead)));
    assert.ok(existsSync(workPath(other)) && existsSync(own));
  });

  it("has no backup under an id that is taken where it is copied to", async () => {
    const copies = path.join(folder, "copies");
    const taken = [0, 1, 2].map((second) => backupId(new Date(Date.now() + second * 1000)));
    for (const id of taken) await mkdir(path.join(copies, "cbm", id), { recursive: true });
    const request = BackupRequest.parse({ ...asked, repository: folder, copies: [copies] });
    const { id } = await new Repositories(request, new AbortController().signal).begin(key, 1);
    assert.ok(!taken.includes(id) && id > String(taken.at(-1)), id);
  });

  it("keeps for a day what does not say whose it is, and no longer", async () => {
    const [recent, old] = ["20261121T080000Z", "20261120T080000Z"].map((id) =>
      path.join(folder, "cbm", `.${id}.partial`),
    ) as [string, string];
    for (const unknown of [recent, old]) await mkdir(unknown, { recursive: true });
    const yesterday = new Date(Date.now() - 25 * 60 * 60 * 1000);
    await utimes(old, yesterday, yesterday);
    await begin(key);
    assert.deepEqual([recent, old].map(existsSync), [true, false]);
  });

  it("is rid of what versions before this left of dead runs, and of nothing else", async () => {
    const gone = ownIdentity().replace(/-\d+-\d+$/, "-4194305-1");
    const [sameKey, deadRun, living] = ["20261120T080000Z", "20261121T080000Z", "20261122T080000Z"].map(
      (id) => path.join(folder, "cbm", `.${id}.partial`),
    ) as [string, string, string];
    const published = path.join(folder, "cbm", "20261119T080000Z");
    for (const [left, run] of [
      [sameKey, `${key}\nelsewhere`],
      [deadRun, `${otherKey}\n${gone}`],
      [living, `${otherKey}\n${ownIdentity()}`],
      [published, `${otherKey}\n${gone}`],
    ] as const) {
      await mkdir(left, { recursive: true });
      await writeFile(path.join(left, ".run"), run);
    }
    await begin(key);
    assert.deepEqual([sameKey, deadRun, living].map(existsSync), [false, false, true]);
    assert.deepEqual(await readdir(published), []);
  });

  it("loses nothing but its own work folder to a run that fails", async () => {
    const begun = await begin(key);
    const theirs = path.join(begun.location, "manifest.json");
    await mkdir(begun.location);
    await writeFile(theirs, "{}");
    await assert.rejects(begun.publish(await recordFor(begun), signal), { code: "backup-exists" });
    const error = new Error("why");
    assert.equal(await begun.abandon(error), error);
    assert.deepEqual([workPath(begun), theirs].map(existsSync), [false, true]);
  });

  it("is its owner's alone", async () => {
    const begun = await begin(key);
    assert.equal((await stat(workPath(begun))).mode & 0o777, 0o700);
    assert.equal((await stat(path.dirname(workPath(begun)))).mode & 0o777, 0o700);
  });

  it("that cannot be written is an error that names it", async () => {
    await writeFile(path.join(folder, "file"), "");
    const repository = folderRepository(path.join(folder, "file"));
    const create = () =>
      repository.create({ name: "cbm", id: "20261121T080000Z", mostBytes: 1, fileMode: 0o600, key });
    await assert.rejects(create, /file\/cbm cannot be written: .*Choose another repository/);
  });

  it("that is removed is not made again", async () => {
    const begun = await begin(key);
    await begun.write("archive/toc.dat", onceOnly(Buffer.from("a")));
    await rm(workPath(begun), { recursive: true });
    for (const file of ["RESTORE.md", "archive/1.dat"])
      await assert.rejects(begun.write(file, onceOnly(Buffer.from("b"))), { code: "ENOENT" });
    assert.equal(existsSync(workPath(begun)), false);
  });

  it("knows size and SHA-256 of every file", async () => {
    await mkdir(path.join(folder, "archive"));
    await writeFile(path.join(folder, "archive", "1.dat"), "abc");
    await writeFile(path.join(folder, "z"), "");
    assert.deepEqual(await checksumsBelow(folder), [
      {
        path: "archive/1.dat",
        bytes: 3,
        sha256: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
      },
      { path: "z", bytes: 0, sha256: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
    ]);
  });
});
