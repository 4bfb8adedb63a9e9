import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdir, readdir, rename, rm, symlink, truncate, writeFile } from "node:fs/promises";
import path from "node:path";
import { folderRepository } from "../../../runner/repository/folder/folder-repository";
import { existingBackups, findBackup } from "../../../runner/repository/repository";
import { removeFolder, temporaryFolder } from "../../support/resources";
import { sampleManifest, writeBackup } from "../../support/sample-backups";

const first = "20261121T080000Z";
const second = "20261122T080000Z";

describe("a store of backups in a folder", () => {
  let repository: string;
  beforeEach(async () => {
    repository = await temporaryFolder();
  });
  afterEach(() => removeFolder(repository));

  const only = async () => {
    const [backup, ...more] = await folderRepository(repository).backups("cbm");
    assert.ok(backup);
    assert.deepEqual(more, []);
    return backup;
  };

  it("reads its backups, the oldest first, and looks at nothing else", async () => {
    await writeBackup(repository, second, { bytes: 1000, files: 2 });
    await writeBackup(repository, first);
    const nameFolder = path.join(repository, "cbm");
    for (const name of ["2026", `.${first}.partial`, `.${first}.removed`, "20261399T080000Z", "notes"])
      await mkdir(path.join(nameFolder, name));
    await writeFile(path.join(nameFolder, "20261120T080000Z"), "a file");
    await symlink(first, path.join(nameFolder, "20261119T080000Z"));
    await symlink(first, path.join(nameFolder, "latest"));
    const backups = await folderRepository(repository).backups("cbm");
    assert.deepEqual(
      backups.map(({ id, latest, problem }) => [id, latest, problem]),
      [
        [first, true, undefined],
        [second, false, undefined],
      ],
    );
    const newest = backups[1];
    assert.deepEqual(newest?.manifest, sampleManifest(second, { bytes: 1000, files: 2 }));
    assert.equal(newest.location, path.join(nameFolder, second));
    assert.equal(newest.startedAt.toISOString(), "2026-11-22T08:00:00.000Z");
    assert.equal(newest.bytes, 3000 + JSON.stringify(newest.manifest).length);
  });

  it("takes the newest good backup for the latest where the link points nowhere", async () => {
    await writeBackup(repository, first);
    await rm(path.join(await writeBackup(repository, second), "manifest.json"));
    await symlink("20261120T080000Z", path.join(repository, "cbm", "latest"));
    assert.equal((await findBackup(folderRepository(repository), "cbm", "latest")).id, first);
  });

  it("has no latest backup where all are damaged, and says so", async () => {
    for (const id of [first, second]) await rm(path.join(await writeBackup(repository, id), "manifest.json"));
    await assert.rejects(findBackup(folderRepository(repository), "cbm", "latest"), {
      code: "backup-not-found",
      message: /There are, newest first: 20261122T080000Z \(damaged\), 20261121T080000Z \(damaged\)\.$/,
    });
  });

  for (const [title, change, problem] of [
    [
      "has no manifest",
      (folder: string) => rm(path.join(folder, "manifest.json")),
      /^manifest.json is missing$/,
    ],
    [
      "has a manifest that is not JSON",
      (folder: string) => writeFile(path.join(folder, "manifest.json"), "{"),
      /^manifest.json is not JSON$/,
    ],
    [
      "has a manifest of another make",
      (folder: string) =>
        writeFile(
          path.join(folder, "manifest.json"),
          JSON.stringify({ ...sampleManifest(first), manifestVersion: 2 }),
        ),
      /^manifest.json is invalid: manifestVersion: /,
    ],
    [
      "has a manifest that cannot be read",
      async (folder: string) => {
        await rm(path.join(folder, "manifest.json"));
        await mkdir(path.join(folder, "manifest.json"));
      },
      /^manifest.json cannot be read: EISDIR/,
    ],
    [
      "has the manifest of another backup",
      (folder: string) =>
        writeFile(path.join(folder, "manifest.json"), JSON.stringify(sampleManifest(second))),
      /^its manifest is that of cbm\/20261122T080000Z$/,
    ],
    [
      "has the manifest of another backup name",
      (folder: string) =>
        writeFile(
          path.join(folder, "manifest.json"),
          JSON.stringify(sampleManifest(first, { name: "other" })),
        ),
      /^its manifest is that of other\/20261121T080000Z$/,
    ],
    [
      "lacks a file",
      (folder: string) => rm(path.join(folder, "archive", "0.dat")),
      /^archive\/0\.dat is missing$/,
    ],
    [
      "has a link in place of a file",
      async (folder: string) => {
        await rm(path.join(folder, "archive", "0.dat"));
        await symlink("../prepare.sql", path.join(folder, "archive", "0.dat"));
      },
      /^archive\/0\.dat is missing$/,
    ],
    [
      "has a file that was cut off",
      (folder: string) => truncate(path.join(folder, "archive", "0.dat"), 3),
      /^archive\/0\.dat has 3 bytes instead of 10$/,
    ],
  ] as const) {
    it(`shows a backup as damaged that ${title}`, async () => {
      await change(await writeBackup(repository, first));
      assert.match((await only()).problem ?? "good", problem);
    });
  }

  it("marks a backup, and takes the mark away, as often as it is told", async () => {
    const folder = await writeBackup(repository, first);
    const store = folderRepository(repository);
    for (const kept of [true, true, false, false]) {
      await store.mark("cbm", first, kept);
      const backup = await only();
      assert.equal(backup.kept, kept);
      assert.equal(backup.problem, undefined);
    }
    await store.mark("cbm", first, true);
    assert.deepEqual((await readdir(folder)).sort(), ["archive", "keep", "manifest.json", "prepare.sql"]);
  });

  it("removes a backup with all files of its own", async () => {
    await writeBackup(repository, second);
    const folder = await writeBackup(repository, first, { files: 3 });
    await writeFile(path.join(folder, "SHA256SUMS"), "");
    const { left } = await folderRepository(repository).remove("cbm", first);
    assert.equal(left, undefined);
    assert.deepEqual(await readdir(path.join(repository, "cbm")), [second]);
  });

  it("removes nothing of a backup that is marked or damaged", async () => {
    const folder = await writeBackup(repository, first);
    const store = folderRepository(repository);
    await store.mark("cbm", first, true);
    assert.deepEqual(await store.remove("cbm", first), { id: first, left: 'it is marked "keep"' });
    await store.mark("cbm", first, false);
    await writeFile(path.join(folder, "manifest.json"), "{");
    assert.match((await store.remove("cbm", first)).left ?? "removed", /archive.* not part of the backup/);
    assert.ok(existsSync(path.join(folder, "archive", "0.dat")));
    await rm(path.join(folder, "archive"), { recursive: true });
    assert.deepEqual(await store.remove("cbm", first), { id: first, left: "manifest.json is not JSON" });
  });

  it("takes a link for no file of a backup, whatever its name", async () => {
    const folder = await writeBackup(repository, first);
    await symlink("/etc/hostname", path.join(folder, "SHA256SUMS"));
    assert.deepEqual(await folderRepository(repository).remove("cbm", first), {
      id: first,
      left: "it contains SHA256SUMS, which is not part of the backup",
    });
  });

  it("gives its name back to a backup that was marked in the moment of its removal", async () => {
    const folder = await writeBackup(repository, first);
    const hidden = path.join(repository, "cbm", `.${first}.removed`);
    await writeFile(path.join(folder, "keep"), "");
    await rename(folder, hidden);
    const [removal] = await folderRepository(repository).finishRemovals("cbm");
    assert.deepEqual(removal, { id: first, left: 'it is marked "keep"' });
    const backup = await only();
    assert.deepEqual([backup.id, backup.kept, backup.problem], [first, true, undefined]);
  });

  it("says what there is when a backup, a backup name or the folder is missing", async () => {
    const store = folderRepository(repository);
    await assert.rejects(existingBackups(store, "cbm"), {
      code: "backup-not-found",
      message: /^There is no backup of "cbm" in .* It has no backups at all\.$/,
    });
    await writeBackup(repository, first);
    await writeBackup(repository, second, { name: "other" });
    await mkdir(path.join(repository, "empty"));
    await assert.rejects(existingBackups(store, "x"), { message: /It has backups of: cbm, other\.$/ });
    await assert.rejects(findBackup(store, "cbm", second), {
      code: "backup-not-found",
      message: /There are, newest first: 20261121T080000Z\.$/,
    });
    await assert.rejects(folderRepository(path.join(repository, "no")).names(), {
      code: "folder-not-readable",
      message: /^There is no folder .*no\. Name the folder that holds the backups\.$/,
    });
  });
});
