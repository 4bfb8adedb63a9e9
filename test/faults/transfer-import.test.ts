import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { readdir, readFile, readlink, rm, symlink, writeFile } from "node:fs/promises";
import path from "node:path";
import { buffer } from "node:stream/consumers";
import { execa } from "execa";
import { peakMemory } from "../support/memory";
import { mountDisk, removeDisk, removeFolder, temporaryFolder } from "../support/resources";
import { runnerMain, runRunner } from "../support/runner";
import { writeSealed } from "../support/sealed";
import { id, newer, older, transferFixture } from "../support/transfer-fixture";
import { waitUntil } from "../support/wait";

describe("an import, when something is wrong where it goes", function () {
  this.timeout(60_000);
  const fixture = transferFixture();

  it("refuses a backup whose id is there already with other content, or damaged; the same one is no error", async () => {
    await writeSealed(fixture.target, id, { files: { "prepare.sql": Buffer.from("mine") } });
    const other = await fixture.imported(fixture.tar);
    assert.match(other.stderr, /^error\[backup-exists\]: \S+20261122T080000Z exists already/m);
    assert.equal(await readFile(fixture.nameFolder(id, "prepare.sql"), "utf8"), "mine");
    await rm(fixture.nameFolder(id), { recursive: true });

    assert.equal((await fixture.imported(fixture.tar)).exitCode, 0);
    const again = await fixture.imported(fixture.tar, "--json");
    assert.equal(again.exitCode, 0, again.stderr);
    assert.equal((JSON.parse(again.stdout) as { imported: boolean }).imported, false);
    await fixture.expectWhole();

    const content = await readFile(fixture.nameFolder(id, "archive/1.dat"));
    content.writeUInt8((content[5] ?? 0) ^ 1, 5);
    await writeFile(fixture.nameFolder(id, "archive/1.dat"), content);
    const damaged = await fixture.imported(fixture.tar);
    assert.match(damaged.stderr, /^error\[backup-exists\]: .*or is damaged/m);
    assert.deepEqual(await readFile(fixture.nameFolder(id, "archive/1.dat")), content);
    assert.deepEqual((await readdir(fixture.nameFolder())).sort(), [older, id, "latest"]);
  });

  it("leaves the latest alone when that is newer", async () => {
    await writeSealed(fixture.target, newer);
    await rm(fixture.nameFolder("latest"));
    await symlink(newer, fixture.nameFolder("latest"));
    const { stdout } = await fixture.imported(fixture.tar, "--json");
    assert.equal((JSON.parse(stdout) as { latest: boolean }).latest, false);
    assert.equal(await readlink(fixture.nameFolder("latest")), newer);
  });

  it("is of one name: another is refused", async () => {
    const { exitCode, stderr } = await runRunner([
      "import",
      fixture.tarFile(),
      "--repository",
      fixture.target,
      "--name",
      "other",
    ]);
    assert.equal(exitCode, 1);
    assert.match(stderr, /^error\[backup-not-found\]: The tar holds a backup of "cbm", not of "other"/m);
    await fixture.expectUntouched();
  });

  for (const signal of ["SIGKILL", "SIGINT"] as const) {
    it(`leaves nothing under a final name after ${signal} in the middle; the next import removes the rest`, async () => {
      const runner = spawn("node", [runnerMain, "import", "-", "--repository", fixture.target], {
        stdio: ["pipe", "ignore", "pipe"],
      });
      const said = buffer(runner.stderr);
      runner.stdin.on("error", () => undefined);
      runner.stdin.write(fixture.tar.subarray(0, 40_000));
      const hidden = async () =>
        (await readdir(fixture.nameFolder())).filter((name) => name.endsWith(".partial"));
      const written = async () => {
        const [work] = await hidden();
        return work !== undefined && existsSync(fixture.nameFolder(work, "archive", "1.dat"));
      };
      await waitUntil("an import at work", written, 20);
      runner.kill(signal);
      const [code] = (await once(runner, "close")) as [number | null];
      if (signal === "SIGKILL") {
        assert.equal(code, null);
        assert.equal((await hidden()).length, 1);
        assert.deepEqual(
          (await readdir(fixture.nameFolder())).filter((name) => !name.startsWith(".")).sort(),
          [older, "latest"],
        );
        const { stdout } = await runRunner(["list", "--repository", fixture.target, "--json"]);
        assert.deepEqual(
          (JSON.parse(stdout) as { id: string }[]).map((backup) => backup.id),
          [older],
        );
      } else {
        assert.equal(code, 130);
        assert.match((await said).toString(), /^error\[interrupted\]: Interrupted by SIGINT/m);
        await fixture.expectUntouched();
      }
      assert.equal((await fixture.imported(fixture.tar)).exitCode, 0);
      await fixture.expectWhole();
    });
  }

  it("is imported twice at once: one does it, neither harms the other", async () => {
    const runs = await Promise.all([
      fixture.imported(fixture.tar),
      fixture.imported(fixture.tar),
      fixture.imported(fixture.tar),
    ]);
    for (const { exitCode, stderr } of runs)
      assert.ok(exitCode === 0 || /^error\[backup-exists\]/m.test(stderr), stderr);
    assert.ok(runs.some(({ exitCode }) => exitCode === 0));
    await fixture.expectWhole();
  });

  it("says so when the disk is too small, before it writes, and keeps nothing when it fills up", async () => {
    const disk = await mountDisk(4);
    const big = await temporaryFolder();
    try {
      await writeSealed(big, id, { files: { "archive.dump": randomBytes(6 << 20) } });
      const file = path.join(big, "cbm.tar");
      const place = ["--repository", big, "--name", "cbm"];
      assert.equal((await runRunner(["export", file, ...place])).exitCode, 0);

      const before = await runRunner(["import", file, "--repository", disk]);
      assert.match(before.stderr, /^error\[space-insufficient\]: \S+cbm has .* free/m);
      const onDisk = await runRunner(["export", path.join(disk, "cbm.tar"), ...place]);
      assert.match(onDisk.stderr, /^error\[space-insufficient\]: /m);
      assert.deepEqual(await readdir(disk), ["cbm"]);
      assert.deepEqual(await readdir(path.join(disk, "cbm")), []);

      // Enough when it begins; then somebody else fills the disk.
      await execa("mount", ["-o", "remount,size=12m", disk]);
      const content = await readFile(file);
      const runner = spawn("node", [runnerMain, "import", "-", "--repository", disk], {
        stdio: ["pipe", "ignore", "pipe"],
      });
      const said = buffer(runner.stderr);
      runner.stdin.on("error", () => undefined);
      runner.stdin.write(content.subarray(0, 1 << 20));
      await waitUntil("a work folder", async () => (await readdir(path.join(disk, "cbm"))).length > 0, 20);
      const filled = await execa("dd", ["if=/dev/zero", `of=${path.join(disk, "filler")}`, "bs=64k"], {
        reject: false,
      });
      assert.match(filled.stderr, /No space left/);
      runner.stdin.end(content.subarray(1 << 20));
      const [code] = (await once(runner, "close")) as [number | null];
      assert.equal(code, 1);
      assert.match((await said).toString(), /^error\[space-insufficient\]: The disk of \S+cbm is full/m);
      assert.deepEqual(await readdir(path.join(disk, "cbm")), []);
    } finally {
      await Promise.all([removeDisk(disk), removeFolder(big)]);
    }
  });

  it("needs little memory, however large the backup", async () => {
    const big = await temporaryFolder();
    try {
      await writeSealed(big, id, { files: { "archive.dump": Buffer.alloc(400 << 20) } });
      const file = path.join(big, "big.tar");
      for (const args of [
        ["export", file, "--repository", big, "--name", "cbm"],
        ["import", file, "--repository", fixture.target],
      ]) {
        const runner = spawn("node", [runnerMain, ...args], { stdio: "ignore" });
        const closed = once(runner, "close");
        const peak = await peakMemory(runner.pid ?? 0);
        assert.deepEqual(await closed, [0, null]);
        assert.ok(peak > 0 && peak < 250, `${peak} MB`);
      }
    } finally {
      await removeFolder(big);
    }
  });
});
