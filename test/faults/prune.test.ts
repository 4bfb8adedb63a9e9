import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rename, symlink, writeFile } from "node:fs/promises";
import path from "node:path";
import type { PruneResult } from "../../runner/prune/index";
import { removeFolder, temporaryFolder } from "../support/resources";
import { runnerMain, runRunner } from "../support/runner";
import { writeBackup } from "../support/sample-backups";

const [oldest, older, newest] = ["20261120T080000Z", "20261121T080000Z", "20261122T080000Z"] as const;

describe("pruning, when something is wrong", function () {
  this.timeout(60_000);
  let repository: string;
  const nameFolder = (...below: string[]) => path.join(repository, "cbm", ...below);
  const pruneArguments = ["--name", "cbm", "--keep-last", "1"];
  const prune = (...more: string[]) =>
    runRunner(["prune", "--repository", repository, ...pruneArguments, ...more]);

  beforeEach(async () => {
    repository = await temporaryFolder();
  });
  afterEach(() => removeFolder(repository));

  async function pruned(...more: string[]) {
    const { exitCode, stdout, stderr } = await prune("--json", ...more);
    assert.equal(exitCode, 0, stderr);
    const result = JSON.parse(stdout) as PruneResult;
    return { ...result, removed: result.removed.map(({ id }) => id), stderr };
  }

  const problemOf = (kept: PruneResult["kept"], id: string) =>
    kept.find((backup) => backup.id === id)?.problem;

  it("leaves a backup that has files of the user's own wholly alone, and says so", async () => {
    await writeBackup(repository, newest);
    await writeBackup(repository, older);
    const folder = await writeBackup(repository, oldest);
    await mkdir(path.join(folder, "archive", "mine"));
    await writeFile(path.join(folder, "archive", "mine", "notes.txt"), "do not lose this");
    const { removed, kept, stderr } = await pruned();
    assert.deepEqual(removed, [older]);
    assert.equal(problemOf(kept, oldest), "archive/mine/notes.txt is not a file of this backup");
    assert.match(
      stderr,
      /^warning: Backup \S*20261120T080000Z is damaged: archive\/mine\/notes.txt .* It was left alone/,
    );
    assert.equal(
      await readFile(path.join(folder, "archive", "mine", "notes.txt"), "utf8"),
      "do not lose this",
    );
    assert.deepEqual((await readdir(folder)).sort(), ["archive", "manifest.json", "prepare.sql"]);
  });

  it("never removes anything through a symbolic link", async () => {
    const outside = path.join(repository, "outside");
    await mkdir(outside);
    await writeFile(path.join(outside, "precious"), "gold");
    await writeBackup(repository, newest);
    await writeBackup(repository, older);
    await rename(await writeBackup(repository, "20261101T080000Z"), path.join(outside, "backup"));
    await symlink(path.join(outside, "backup"), nameFolder("20261101T080000Z"));
    await symlink(outside, nameFolder(".20261102T080000Z.removed"));
    await symlink(outside, path.join(await writeBackup(repository, oldest), "archive", "link"));
    const { removed, kept } = await pruned();
    assert.deepEqual(removed, [older]);
    assert.equal(problemOf(kept, oldest), "archive/link is a link or not a file");
    assert.equal(await readFile(path.join(outside, "precious"), "utf8"), "gold");
    assert.ok(existsSync(path.join(outside, "backup", "archive", "0.dat")));
    assert.ok(existsSync(nameFolder(oldest, "archive", "0.dat")));
  });

  it("removes nothing through a folder that is a symbolic link, and lists it all the same", async () => {
    const elsewhere = path.join(repository, "disk");
    await writeBackup(elsewhere, newest);
    await writeBackup(elsewhere, older);
    await symlink(path.join(elsewhere, "cbm"), nameFolder());
    const { exitCode, stdout, stderr } = await prune();
    assert.equal(exitCode, 1);
    assert.equal(stdout, "");
    assert.match(stderr, /^error\[folder-not-writable\]: \S+\/cbm is a symbolic link, .* Name the folder/);
    const listed = await runRunner(["list", "--repository", repository, "--name", "cbm"]);
    assert.match(listed.stdout, new RegExp(`${older}[^]*${newest}`));
    assert.deepEqual((await readdir(path.join(elsewhere, "cbm"))).sort(), [older, newest]);
  });

  it("ends, in the next run, a removal that was killed, and nobody takes its half for a backup", async () => {
    await writeBackup(repository, newest);
    await writeBackup(repository, oldest, { files: 5000 });
    const hidden = nameFolder(`.${oldest}.removed`);
    const runner = spawn("node", [runnerMain, "prune", "--repository", repository, ...pruneArguments]);
    while (!existsSync(hidden)) {
      assert.equal(runner.exitCode, null, "it ended before it was seen at work");
      await new Promise((resolve) => setImmediate(resolve));
    }
    while ((await readdir(path.join(hidden, "archive"))).length === 5000);
    runner.kill("SIGKILL");
    const [code] = (await once(runner, "close")) as [number | null];
    assert.equal(code, null);
    assert.deepEqual((await readdir(nameFolder())).sort(), [`.${oldest}.removed`, newest]);
    const half = (await readdir(path.join(hidden, "archive"))).length;
    assert.ok(half > 0 && half < 5000, `${half} files are left`);

    const { stdout } = await runRunner(["list", "--repository", repository, "--json"]);
    assert.deepEqual(
      (JSON.parse(stdout) as { id: string }[]).map(({ id }) => id),
      [newest],
    );
    assert.deepEqual((await pruned("--dry-run")).removed, []);
    assert.ok(existsSync(hidden), "a dry run removes nothing");
    assert.deepEqual((await pruned()).removed, [oldest]);
    assert.deepEqual(await readdir(nameFolder()), [newest]);
  });

  it("leaves alone what somebody put into a removal that was cut off", async () => {
    await writeBackup(repository, newest);
    const hidden = nameFolder(`.${oldest}.removed`);
    await rename(await writeBackup(repository, oldest), hidden);
    await writeFile(path.join(hidden, "notes.txt"), "mine");
    const { removed, left } = await pruned();
    assert.deepEqual(removed, []);
    assert.match(
      left[0]?.reason ?? "",
      /\.removed: it contains notes\.txt, which is not part of the backup$/,
    );
    assert.equal(await readFile(path.join(hidden, "notes.txt"), "utf8"), "mine");
  });

  it("works twice at once: both succeed, all that should go is gone, and the rest is whole", async () => {
    const old = Array.from({ length: 6 }, (_, index) => `202610${10 + index}T080000Z`);
    for (const id of old) await writeBackup(repository, id, { files: 400 });
    await writeBackup(repository, newest, { files: 400 });
    const runs = await Promise.all(["--json", "--json", "--json"].map((json) => prune(json)));
    for (const { exitCode, stderr } of runs) {
      assert.equal(exitCode, 0, stderr);
      assert.equal(stderr, "");
    }
    const removed = runs.flatMap(({ stdout }) =>
      (JSON.parse(stdout) as PruneResult).removed.map(({ id }) => id),
    );
    assert.deepEqual([...new Set(removed)].sort(), old);
    assert.deepEqual(await readdir(nameFolder()), [newest]);
    assert.equal((await readdir(nameFolder(newest, "archive"))).length, 400);
  });

  it("never removes a backup whose manifest is unreadable, and goes on with the others", async () => {
    await writeBackup(repository, newest);
    await writeBackup(repository, older);
    const damaged = await writeBackup(repository, oldest);
    await writeFile(path.join(damaged, "manifest.json"), "\0garbage");
    const { removed, kept, stderr } = await pruned();
    assert.deepEqual(removed, [older]);
    assert.deepEqual(kept[0], { id: oldest, reasons: ["damaged"], problem: "manifest.json is not JSON" });
    assert.match(
      stderr,
      /^warning: Backup \S*20261120T080000Z is damaged: manifest\.json is not JSON\. It was left alone/,
    );
    assert.ok(existsSync(path.join(damaged, "archive", "0.dat")));
  });

  it("never takes a damaged backup for the newest good one", async () => {
    await writeBackup(repository, older);
    await writeBackup(repository, oldest);
    await writeFile(path.join(await writeBackup(repository, newest), "archive", "0.dat"), "short");
    assert.deepEqual((await pruned()).removed, [oldest]);
    assert.deepEqual((await readdir(nameFolder())).sort(), [older, newest]);
  });
});
