import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { lstat, readdir, readFile, readlink, rm, symlink, truncate, writeFile } from "node:fs/promises";
import path from "node:path";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";
import { pack } from "tar-stream";
import { Failure, type FailureCode } from "../../runner/failure";
import { importBackup } from "../../runner/import";
import { Manifest } from "../../runner/manifest";
import { folderStore } from "../../runner/store/folder-store";
import { peakMemory } from "../support/memory";
import { mountDisk, removeDisk, removeFolder, temporaryFolder } from "../support/resources";
import { runnerMain, runRunner } from "../support/runner";
import { sealedFiles, writeSealed } from "../support/sealed";

const [older, id, newer] = ["20261121T080000Z", "20261122T080000Z", "20261123T080000Z"] as const;
const inTar = (file: string) => `cbm/${id}/${file}`;

describe("a backup on its way, when something is wrong", function () {
  this.timeout(60_000);
  let source: string;
  let folder: string;
  let target: string;
  let tar: Buffer;
  const series = (...below: string[]) => path.join(target, "cbm", ...below);
  const tarFile = () => path.join(source, "cbm.tar");

  before(async () => {
    source = await temporaryFolder();
    folder = await writeSealed(source, id);
    const { exitCode, stderr } = await exported(tarFile());
    assert.equal(exitCode, 0, stderr);
    tar = await readFile(tarFile());
  });
  after(() => removeFolder(source));
  beforeEach(async () => {
    target = await temporaryFolder();
    await writeSealed(target, older);
    await symlink(older, series("latest"));
  });
  afterEach(() => removeFolder(target));

  const exported = (...more: string[]) =>
    runRunner(["export", "--directory", source, "--name", "cbm", ...more]);

  const imported = (input: Buffer) =>
    execa("node", [runnerMain, "import", "-", "--directory", target, "--json"], { reject: false, input });

  /** The earlier backup is as it was, and there is nothing else, hidden or not. */
  async function expectUntouched(): Promise<void> {
    assert.deepEqual((await readdir(series())).sort(), [older, "latest"]);
    assert.deepEqual(await readdir(target), ["cbm"]);
    assert.equal(await readlink(series("latest")), older);
    await execa("sha256sum", ["--check", "--quiet", "SHA256SUMS"], { cwd: series(older) });
  }

  /** As the command line does it, but in this process, for many at once. */
  async function importHere(input: Buffer): Promise<Failure | undefined> {
    const chunks = Array.from({ length: Math.ceil(input.length / 65_536) }, (_, index) =>
      input.subarray(index * 65_536, (index + 1) * 65_536),
    );
    const progress = { note: () => undefined, follow: () => () => undefined };
    const signal = new AbortController().signal;
    const request = { directory: target, fileMode: "0600" };
    try {
      await importBackup(folderStore(target), request, Readable.from(chunks), progress, signal);
      return undefined;
    } catch (error) {
      assert.ok(error instanceof Failure, String(error));
      return error;
    }
  }

  async function expectRefused(input: Buffer, code: FailureCode, message = /./): Promise<void> {
    const failure = await importHere(input);
    assert.equal(failure?.code, code, failure?.message);
    assert.match(failure.message, message);
    await expectUntouched();
  }

  async function expectWhole(): Promise<void> {
    await execa("sha256sum", ["--check", "--quiet", "SHA256SUMS"], { cwd: series(id) });
    assert.equal(await readlink(series("latest")), id);
    assert.deepEqual((await readdir(series())).sort(), [older, id, "latest"]);
  }

  /** A tar made by hand; the manifest and the checksums are those of the real one, unless they are given. */
  async function tarOf(
    entries: readonly { name: string; content?: Buffer; type?: "symlink" | "link"; linkname?: string }[],
  ): Promise<Buffer> {
    const tar = pack();
    for (const { name, content = Buffer.alloc(0), type = "file", linkname } of entries) {
      if (linkname === undefined) tar.entry({ name, type }, content);
      else tar.entry({ name, type, linkname });
    }
    tar.finalize();
    return buffer(tar);
  }

  async function realEntries(): Promise<{ name: string; content: Buffer }[]> {
    const seal = await Promise.all(
      ["manifest.json", "SHA256SUMS"].map(async (file) => ({
        name: inTar(file),
        content: await readFile(path.join(folder, file)),
      })),
    );
    return [
      ...seal,
      ...Object.entries(sealedFiles).map(([file, content]) => ({ name: inTar(file), content })),
    ];
  }

  /** Manifest and checksums that agree with each other, however wrong they are. */
  async function resealed(
    change: (manifest: Manifest) => Manifest,
  ): Promise<{ name: string; content: Buffer }[]> {
    const manifest = change(
      Manifest.parse(JSON.parse(await readFile(path.join(folder, "manifest.json"), "utf8"))),
    );
    const content = Buffer.from(JSON.stringify(manifest));
    const sums = [...manifest.files, { path: "manifest.json", sha256: digest(content) }];
    return [
      { name: inTar("manifest.json"), content },
      {
        name: inTar("SHA256SUMS"),
        content: Buffer.from(sums.map(({ path: file, sha256 }) => `${sha256}  ${file}\n`).join("")),
      },
    ];
  }

  const digest = (content: Buffer) => createHash("sha256").update(content).digest("hex");

  it("takes the tar that these tests damage, and one of the same files in another order", async () => {
    assert.equal((await imported(tar)).exitCode, 0);
    await expectWhole();
    await rm(series(id), { recursive: true });
    const [manifest, sums, ...files] = await realEntries();
    assert.ok(manifest && sums);
    const { exitCode, stderr } = await imported(await tarOf([manifest, sums, ...files.toReversed()]));
    assert.equal(exitCode, 0, stderr);
    await expectWhole();
  });

  it("refuses a tar that is cut off, wherever it is", async () => {
    const total = tar.length;
    // The last 1,024 bytes are zeros that say that nothing follows; without them all files are there.
    for (const length of [0, 1, 511, 512, 700, 3000, 5000, 20_000, total - 3000, total - 1025])
      await expectRefused(tar.subarray(0, length), "archive-incomplete", /ends too early/);
  });

  it("refuses a tar with a flipped bit, wherever it matters, and what it takes is whole", async () => {
    const codes = new Set<string>();
    for (let offset = 0; offset < tar.length; offset += 313) {
      const damaged = Buffer.from(tar);
      damaged.writeUInt8((damaged[offset] ?? 0) ^ (1 << (offset % 8)), offset);
      const failure = await importHere(damaged);
      if (failure === undefined) {
        // What fills up the last block of a file belongs to no file.
        await expectWhole();
        assert.equal(tar[offset], 0);
        await rm(series(id), { recursive: true });
        await rm(series("latest"));
        await symlink(older, series("latest"));
        continue;
      }
      codes.add(failure.code);
      await expectUntouched();
    }
    assert.ok(codes.has("checksum-mismatch"), [...codes].join());
    for (const code of codes)
      assert.ok(
        ["checksum-mismatch", "tar-invalid", "archive-incomplete", "manifest-unreadable"].includes(code),
        code,
      );
  });

  for (const [title, offset, code] of [
    ["the manifest", 600, "checksum-mismatch"],
    ["the first header", 30, "tar-invalid"],
  ] as const) {
    it(`refuses a tar with a flipped bit in ${title}`, async () => {
      const damaged = Buffer.from(tar);
      damaged.writeUInt8((damaged[offset] ?? 0) ^ 1, offset);
      await expectRefused(damaged, code);
    });
  }

  it("refuses a file whose bytes are others of the same number, and names it", async () => {
    const entries = await realEntries();
    const content = randomBytes(70_001);
    await expectRefused(
      await tarOf(
        entries.map((entry) => (entry.name === inTar("archive/1.dat") ? { ...entry, content } : entry)),
      ),
      "checksum-mismatch",
      /archive\/1\.dat in the tar does not have the checksum that the manifest records/,
    );
  });

  it("refuses what is no tar, and a compressed one", async () => {
    await expectRefused(randomBytes(5000), "tar-invalid");
    const { stdout } = await execa("gzip", ["--stdout"], { input: tar, encoding: "buffer" });
    await expectRefused(Buffer.from(stdout), "tar-invalid", /compressed/);
  });

  it("says so in one message, with exit status 1 and no result", async () => {
    const { exitCode, stdout, stderr } = await imported(tar.subarray(0, 40_000));
    assert.equal(exitCode, 1);
    assert.equal(stdout, "");
    const errors = stderr.split("\n").filter((line) => /^error\b|^ {4}at /.test(line));
    assert.equal(errors.length, 1, stderr);
    assert.match(errors[0] ?? "", /^error\[archive-incomplete\]: The tar ends too early/);
    await expectUntouched();
  });

  it("refuses a tar that lacks a file, that has one more, or one twice", async () => {
    const entries = await realEntries();
    await expectRefused(
      await tarOf(entries.filter(({ name }) => name !== inTar("archive/empty.dat"))),
      "archive-incomplete",
      /1 of 5 files are missing, archive\/empty\.dat among them/,
    );
    await expectRefused(
      await tarOf([...entries, { name: inTar("extra"), content: Buffer.from("x") }]),
      "tar-invalid",
    );
    const [first] = entries.slice(2);
    assert.ok(first);
    await expectRefused(await tarOf([...entries, first]), "tar-invalid", /which was there before/);
    await expectRefused(await tarOf([...entries, { name: inTar("manifest.json") }]), "tar-invalid");
  });

  it("refuses links, and a tar that does not begin with a manifest", async () => {
    const entries = await realEntries();
    for (const type of ["symlink", "link"] as const) {
      const link = { name: inTar("archive/1.dat"), type, linkname: "/etc/passwd" };
      await expectRefused(
        await tarOf([...entries.filter(({ name }) => name !== link.name), link]),
        "tar-invalid",
        /not a plain file/,
      );
    }
    await expectRefused(
      await tarOf([{ ...(entries[0] ?? { name: "" }), type: "symlink", linkname: "x" }]),
      "tar-invalid",
    );
    await expectRefused(await tarOf(entries.toReversed()), "tar-invalid", /instead of the manifest/);
    await expectRefused(
      await tarOf(entries.filter((_, index) => index !== 1)),
      "tar-invalid",
      /instead of SHA256SUMS/,
    );
  });

  it("writes nothing outside of its folder, whatever names a tar and its manifest have", async () => {
    const outside = path.join(target, "outside");
    const content = Buffer.from("owned");
    for (const file of [
      "../outside",
      "../../outside",
      outside,
      "archive/../../../outside",
      "./outside",
      "archive//outside",
      ".run",
      "a\\b",
      "keep",
      "manifest.json",
      "SHA256SUMS/x",
    ]) {
      const seal = await resealed((manifest) => ({
        ...manifest,
        files: [{ path: file, bytes: content.length, sha256: digest(content) }],
      }));
      await expectRefused(
        await tarOf([...seal, { name: path.isAbsolute(file) ? file : inTar(file), content }]),
        "tar-invalid",
      );
      await expectRefused(await tarOf([...(await realEntries()), { name: file, content }]), "tar-invalid");
    }
    for (const [name, own] of [
      ["..", id],
      ["cbm", ".."],
      ["cbm", "20261122T080000Z.partial"],
      ["cbm", "latest"],
      ["c/bm", id],
    ] as const) {
      const entries = await resealed((manifest) => ({ ...manifest, name, id: own, files: [] }));
      await expectRefused(
        await tarOf(
          entries.map((entry) => ({ ...entry, name: entry.name.replace(`cbm/${id}`, `${name}/${own}`) })),
        ),
        "tar-invalid",
      );
      await expectRefused(await tarOf(entries), "tar-invalid");
    }
  });

  it("refuses a backup whose id is there already with other content, or damaged; the same one is no error", async () => {
    await writeSealed(target, id, { files: { "prepare.sql": Buffer.from("mine") } });
    const other = await imported(tar);
    assert.match(other.stderr, /^error\[backup-exists\]: \S+20261122T080000Z exists already/m);
    assert.equal(await readFile(series(id, "prepare.sql"), "utf8"), "mine");
    await rm(series(id), { recursive: true });

    assert.equal((await imported(tar)).exitCode, 0);
    const again = await imported(tar);
    assert.equal(again.exitCode, 0, again.stderr);
    assert.equal((JSON.parse(again.stdout) as { imported: boolean }).imported, false);
    await expectWhole();

    const content = await readFile(series(id, "archive/1.dat"));
    content.writeUInt8((content[5] ?? 0) ^ 1, 5);
    await writeFile(series(id, "archive/1.dat"), content);
    const damaged = await imported(tar);
    assert.match(damaged.stderr, /^error\[backup-exists\]: .*or is damaged/m);
    assert.deepEqual(await readFile(series(id, "archive/1.dat")), content);
    assert.deepEqual((await readdir(series())).sort(), [older, id, "latest"]);
  });

  it("leaves the latest alone when that is newer", async () => {
    await writeSealed(target, newer);
    await rm(series("latest"));
    await symlink(newer, series("latest"));
    const { stdout } = await imported(tar);
    assert.equal((JSON.parse(stdout) as { latest: boolean }).latest, false);
    assert.equal(await readlink(series("latest")), newer);
  });

  it("is of one name: another is refused", async () => {
    const { exitCode, stderr } = await runRunner([
      "import",
      tarFile(),
      "--directory",
      target,
      "--name",
      "other",
    ]);
    assert.equal(exitCode, 1);
    assert.match(stderr, /^error\[backup-not-found\]: The tar holds a backup of "cbm", not of "other"/m);
    await expectUntouched();
  });

  for (const signal of ["SIGKILL", "SIGINT"] as const) {
    it(`leaves nothing under a final name after ${signal} in the middle; the next import removes the rest`, async () => {
      const runner = spawn("node", [runnerMain, "import", "-", "--directory", target], {
        stdio: ["pipe", "ignore", "pipe"],
      });
      const said = buffer(runner.stderr);
      runner.stdin.on("error", () => undefined);
      runner.stdin.write(tar.subarray(0, 40_000));
      const hidden = async () => (await readdir(series())).filter((name) => name.endsWith(".partial"));
      const written = async () => {
        const [work] = await hidden();
        return work !== undefined && existsSync(series(work, "archive", "1.dat"));
      };
      while (!(await written())) {
        assert.equal(runner.exitCode, null, "it ended before it was seen at work");
        await sleep(10);
      }
      runner.kill(signal);
      const [code] = (await once(runner, "close")) as [number | null];
      if (signal === "SIGKILL") {
        assert.equal(code, null);
        assert.equal((await hidden()).length, 1);
        assert.deepEqual((await readdir(series())).filter((name) => !name.startsWith(".")).sort(), [
          older,
          "latest",
        ]);
        const { stdout } = await runRunner(["list", "--directory", target, "--json"]);
        assert.deepEqual(
          (JSON.parse(stdout) as { id: string }[]).map((backup) => backup.id),
          [older],
        );
      } else {
        assert.equal(code, 1);
        assert.match((await said).toString(), /^error\[interrupted\]: Interrupted by SIGINT/m);
        await expectUntouched();
      }
      assert.equal((await imported(tar)).exitCode, 0);
      await expectWhole();
    });
  }

  it("is imported twice at once: one does it, neither harms the other", async () => {
    const runs = await Promise.all([imported(tar), imported(tar), imported(tar)]);
    for (const { exitCode, stderr } of runs)
      assert.ok(exitCode === 0 || /^error\[backup-exists\]/m.test(stderr), stderr);
    assert.ok(runs.some(({ exitCode }) => exitCode === 0));
    await expectWhole();
  });

  it("says so when the disk is too small, before it writes, and keeps nothing when it fills up", async () => {
    const disk = await mountDisk(4);
    const big = await temporaryFolder();
    try {
      await writeSealed(big, id, { files: { "archive.dump": randomBytes(6 << 20) } });
      const file = path.join(big, "cbm.tar");
      const place = ["--directory", big, "--name", "cbm"];
      assert.equal((await runRunner(["export", file, ...place])).exitCode, 0);

      const before = await runRunner(["import", file, "--directory", disk]);
      assert.match(before.stderr, /^error\[space-insufficient\]: \S+cbm has .* free/m);
      const onDisk = await runRunner(["export", path.join(disk, "cbm.tar"), ...place]);
      assert.match(onDisk.stderr, /^error\[space-insufficient\]: /m);
      assert.deepEqual(await readdir(disk), ["cbm"]);
      assert.deepEqual(await readdir(path.join(disk, "cbm")), []);

      // Enough when it begins; then somebody else fills the disk.
      await execa("mount", ["-o", "remount,size=12m", disk]);
      const content = await readFile(file);
      const runner = spawn("node", [runnerMain, "import", "-", "--directory", disk], {
        stdio: ["pipe", "ignore", "pipe"],
      });
      const said = buffer(runner.stderr);
      runner.stdin.on("error", () => undefined);
      runner.stdin.write(content.subarray(0, 1 << 20));
      while ((await readdir(path.join(disk, "cbm"))).length === 0) await sleep(10);
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

  describe("an export of a damaged backup", () => {
    let damagedSource: string;
    beforeEach(async () => {
      damagedSource = await temporaryFolder();
      await writeSealed(damagedSource, id);
    });
    afterEach(() => removeFolder(damagedSource));
    const place = (...below: string[]) => path.join(damagedSource, "cbm", id, ...below);
    const run = (...more: string[]) =>
      execa("node", [runnerMain, "export", "--directory", damagedSource, "--name", "cbm", ...more], {
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
        const refused = await imported(Buffer.from(piped.stdout));
        assert.equal(refused.exitCode, 1);
        assert.match(refused.stderr, /^error\[(archive-incomplete|checksum-mismatch)\]: /m);
        await expectUntouched();
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
          /^error\[directory-not-writable\]: .* is not a plain file/m,
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

    it("removes what a killed export to the same file left, and nothing that lives or is another's", async () => {
      const left = (name: string) => path.join(damagedSource, name);
      const runner = spawn(
        "bash",
        ["-c", `exec node ${runnerMain} export --directory ${damagedSource} --name cbm ${left("x.tar")}`],
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
      const alive = name.replace(/-\d+-/, `-${process.pid}-`);
      const others = name.replace(".x.tar.", ".y.tar.");
      await writeFile(left(alive), "");
      await writeFile(left(others), "");
      assert.equal((await run(left("x.tar"))).exitCode, 0);
      assert.deepEqual((await readdir(damagedSource)).sort(), [alive, others, "cbm", "x.tar"].sort());
    });
  });

  it("fails when whoever reads it from a pipe goes away", async () => {
    const big = await temporaryFolder();
    try {
      await writeSealed(big, id, { files: { "archive.dump": randomBytes(1 << 20) } });
      const command = `node ${runnerMain} export --directory ${big} --name cbm | head --bytes=1000 >/dev/null; exit "\${PIPESTATUS[0]}"`;
      const { exitCode, stderr } = await execa("bash", ["-c", command], { reject: false });
      assert.equal(exitCode, 1);
      assert.match(stderr, /^error\[interrupted\]: The program that reads the tar ended before the tar did/m);
    } finally {
      await removeFolder(big);
    }
  });

  it("needs little memory, however large the backup", async () => {
    const big = await temporaryFolder();
    try {
      await writeSealed(big, id, { files: { "archive.dump": Buffer.alloc(400 << 20) } });
      const file = path.join(big, "big.tar");
      for (const args of [
        ["export", file, "--directory", big, "--name", "cbm"],
        ["import", file, "--directory", target],
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
