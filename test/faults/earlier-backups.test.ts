import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { readdir, readlink, rm, symlink, writeFile } from "node:fs/promises";
import path from "node:path";
import { BackupResult } from "../../runner/request";
import { startServer } from "../support/container";
import { removeContainer, removeFolder, sql, temporaryFolder } from "../support/resources";
import { runRunner } from "../support/runner";
import { writeBackup } from "../support/sample-backups";
import { backupId } from "../../runner/repository/backup-id";

describe("a new backup under a name whose earlier backups are not as they should be", function () {
  this.timeout(120_000);
  let container: string;
  let repository: string;
  const nameFolder = (...below: string[]) => path.join(repository, "cbm", ...below);
  const place = () => ["--repository", repository, "--name", "cbm"];

  before(async () => {
    repository = await temporaryFolder();
    container = await startServer({ mount: repository });
    await sql(container, "CREATE TABLE t AS SELECT 1 AS x");
  });
  after(async () => {
    await removeContainer(container);
    await removeFolder(repository);
  });
  afterEach(() => rm(nameFolder(), { recursive: true, force: true }));

  async function backup(...rules: string[]): Promise<BackupResult & { stderr: string }> {
    const { exitCode, stdout, stderr } = await runRunner([
      "backup",
      "--container",
      container,
      "--table",
      "t",
      ...place(),
      ...rules,
      "--json",
    ]);
    assert.equal(exitCode, 0, stderr);
    return { ...BackupResult.parse(JSON.parse(stdout)), stderr };
  }

  async function listed(): Promise<{ id: string; problem?: string; latest: boolean }[]> {
    const { exitCode, stdout, stderr } = await runRunner(["list", ...place(), "--json"]);
    assert.equal(exitCode, 0, stderr);
    return JSON.parse(stdout) as { id: string; problem?: string; latest: boolean }[];
  }

  it("is taken beside one whose manifest is unreadable; that one is shown, and never removed", async () => {
    const [damaged, old] = ["20261001T000000Z", "20261002T000000Z"];
    await writeFile(path.join(await writeBackup(repository, damaged), "manifest.json"), "\0\0\0");
    await writeBackup(repository, old, { container });
    const { backupId: id, pruned, alarm, stderr } = await backup("--keep-last", "1");
    assert.deepEqual([pruned, alarm], [[old], undefined]);
    assert.match(stderr, /^warning: Backup \S*20261001T000000Z is damaged: manifest\.json is not JSON/m);
    assert.deepEqual(
      (await listed()).map((entry) => [entry.id, entry.problem]),
      [
        [damaged, "manifest.json is not JSON"],
        [id, undefined],
      ],
    );
    assert.ok(existsSync(nameFolder(damaged, "archive", "0.dat")));
  });

  it("is the latest, though a clock that was ahead dated another later, and both stay", async () => {
    const future = backupId(new Date(Date.now() + 30 * 24 * 60 * 60 * 1000));
    await writeBackup(repository, future, { container });
    const first = await backup("--keep-last", "1", "--min-size-ratio", "1");
    assert.deepEqual([first.pruned, first.alarm], [[], undefined]);
    assert.equal(await readlink(nameFolder("latest")), first.backupId);
    assert.deepEqual(
      (await listed()).map(({ id, latest }) => [id, latest]),
      [
        [first.backupId, true],
        [future, false],
      ],
    );
    const { stdout } = await runRunner(["prune", ...place(), "--keep-last", "1", "--json"]);
    assert.deepEqual((JSON.parse(stdout) as { removed: object[] }).removed, []);

    const second = await backup("--keep-last", "2");
    assert.deepEqual(second.pruned, [], "the one of the future does not count");
    assert.deepEqual((await readdir(nameFolder())).sort(), [
      first.backupId,
      second.backupId,
      future,
      "latest",
    ]);
  });

  it("is kept, with an alarm, when its retention cannot look at the others", async () => {
    await writeBackup(path.join(repository, "disk"), "20261001T000000Z", { container });
    await rm(nameFolder(), { recursive: true, force: true });
    await symlink("disk/cbm", nameFolder());
    const { backupId: id, pruned, alarm, stderr } = await backup("--keep-last", "1");
    assert.deepEqual(pruned, []);
    assert.match(alarm ?? "", /cbm is a symbolic link, and backups are not removed through links/);
    assert.match(stderr, /^warning: \S+cbm is a symbolic link/m);
    assert.deepEqual((await readdir(path.join(repository, "disk", "cbm"))).sort(), [
      "20261001T000000Z",
      id,
      "latest",
    ]);
  });
});
