import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { lstat, readdir, readFile, rm, symlink, truncate, writeFile } from "node:fs/promises";
import path from "node:path";
import { execa } from "execa";
import { workName } from "../../runner/lib/work-name";
import { removeFolder, temporaryFolder } from "../support/resources";
import { runnerMain } from "../support/runner";
import { sealedFiles, writeSealed } from "../support/sealed";
import { id, transferFixture } from "../support/transfer-fixture";

describe("an export, when something is wrong", function () {
  this.timeout(60_000);
  const fixture = transferFixture();

  describe("an export of a damaged backup", () => {
    let damagedSource: string;
    beforeEach(async () => {
      damagedSource = await temporaryFolder();
      await writeSealed(damagedSource, id);
    });
    afterEach(() => removeFolder(damagedSource));
    const place = (...below: string[]) => path.join(damagedSource, "cbm", id, ...below);
    const run = (...more: string[]) =>
      execa("node", [runnerMain, "export", "--repository", damagedSource, "--name", "cbm", ...more], {
        reject: false,
        encoding: "buffer",
      });

    const damages: [string, () => Promise<void>][] = [
      [
        "other bytes",
        async () => {
          const content = await readFile(place("archive/1.dat"));
          content.writeUInt8((content[9] ?? 0) ^ 1, 9);
          await writeFile(place("archive/1.dat"), content);
        },
      ],
      ["a byte less", () => truncate(place("archive/1.dat"), 70_000)],
      ["a byte more", () => writeFile(place("archive/1.dat"), Buffer.alloc(70_002))],
      ["a missing file", () => rm(place("archive/1.dat"))],
      ["an edited manifest", () => writeFile(place("manifest.json"), `${JSON.stringify(sealedManifest)} `)],
      ["missing checksums", () => rm(place("SHA256SUMS"))],
    ];
    let sealedManifest: object;
    for (const [title, damage] of damages) {
      it(`fails and leaves no file, nor a tar that can be imported: ${title}`, async () => {
        sealedManifest = JSON.parse(await readFile(place("manifest.json"), "utf8")) as object;
        await damage();
        const file = path.join(damagedSource, "x.tar");
        await writeFile(file, "what was there before");
        const { exitCode, stderr } = await run(id, file);
        assert.equal(exitCode, 1);
        assert.match(Buffer.from(stderr).toString(), /^error\[checksum-mismatch\]: [^\n]*$/m);
        assert.equal(await readFile(file, "utf8"), "what was there before");
        assert.deepEqual((await readdir(damagedSource)).sort(), ["cbm", "x.tar"]);

        const piped = await run(id);
        assert.equal(piped.exitCode, 1);
        const refused = await fixture.imported(Buffer.from(piped.stdout));
        assert.equal(refused.exitCode, 1);
        assert.match(refused.stderr, /^error\[(archive-incomplete|checksum-mismatch)\]: /m);
        await fixture.expectUntouched();
      });
    }

    it("never replaces a device, a pipe or a link", async () => {
      // Of its own: where the program is wrong, what it replaces must not be the machine's.
      const [device, pipe, link] = ["device", "pipe", "link.tar"].map((name) =>
        path.join(damagedSource, name),
      ) as [string, string, string];
      await execa("mknod", [device, "c", "1", "3"]);
      await execa("mkfifo", [pipe]);
      await symlink("nowhere", link);
      for (const file of [device, pipe, link, damagedSource]) {
        const { exitCode, stderr } = await run(file);
        assert.equal(exitCode, 1);
        assert.match(
          Buffer.from(stderr).toString(),
          /^error\[folder-not-writable\]: .* is not a plain file/m,
        );
      }
      const kinds = await Promise.all([device, pipe, link].map((file) => lstat(file)));
      assert.deepEqual(
        kinds.map((stats) => [stats.isCharacterDevice(), stats.isFIFO(), stats.isSymbolicLink()]),
        [
          [true, false, false],
          [false, true, false],
          [false, false, true],
        ],
      );
    });

    it("removes what a killed export left, and nothing that lives or may live elsewhere", async () => {
      const left = (name: string) => path.join(damagedSource, name);
      // Large enough to be seen while it is written.
      await rm(path.join(damagedSource, "cbm"), { recursive: true });
      await writeSealed(damagedSource, id, {
        files: { ...sealedFiles, "archive/2.dat": Buffer.alloc(1 << 26) },
      });
      const runner = spawn(
        "bash",
        ["-c", `exec node ${runnerMain} export --repository ${damagedSource} --name cbm ${left("x.tar")}`],
        { stdio: "ignore" },
      );
      const hidden = async () => (await readdir(damagedSource)).filter((name) => name.startsWith(".x.tar."));
      while ((await hidden()).length === 0) {
        assert.equal(runner.exitCode, null);
        await new Promise((resolve) => setImmediate(resolve));
      }
      runner.kill("SIGKILL");
      await once(runner, "close");
      assert.deepEqual((await hidden()).length, 1);
      const [name = ""] = await hidden();
      const alive = workName("x.tar");
      const elsewhere = name.replace(/^\.x\.tar\.[0-9a-f]{8}/, ".x.tar.00000000");
      const ofAnotherName = name.replace(".x.tar.", ".y.tar.");
      for (const file of [alive, elsewhere, ofAnotherName]) await writeFile(left(file), "");
      assert.equal((await run(left("x.tar"))).exitCode, 0);
      assert.deepEqual((await readdir(damagedSource)).sort(), [alive, elsewhere, "cbm", "x.tar"].sort());
    });
  });

  it("fails when whoever reads it from a pipe goes away", async () => {
    const big = await temporaryFolder();
    try {
      await writeSealed(big, id, { files: { "archive.dump": randomBytes(1 << 20) } });
      const command = `node ${runnerMain} export --repository ${big} --name cbm | head --bytes=1000 >/dev/null; exit "\${PIPESTATUS[0]}"`;
      const { exitCode, stderr } = await execa("bash", ["-c", command], { reject: false });
      assert.equal(exitCode, 1);
      assert.match(stderr, /^error\[interrupted\]: The program that reads the tar ended before the tar did/m);
    } finally {
      await removeFolder(big);
    }
  });
});
