import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { rename, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { promisify } from "node:util";
import { exportBackup } from "../../../runner/transfer/export";
import { progressOn, quietDisplay } from "../../../runner/lib/progress";
import { filesIn } from "../../../runner/repository/folder/files";
import { folderRepository } from "../../../runner/repository/folder/folder-repository";
import { oddPath } from "../../../runner/repository/plain-paths";
import { reseal } from "../../support/damage";
import { removeFolder, temporaryFolder } from "../../support/resources";
import { writeSealed, writeRecord } from "../../support/sealed";
import { printable } from "../../../runner/lib/format";
import { failUnlessListed } from "../../../runner/verify/scripts";
import { readChecksums } from "../../../runner/repository/checksums";
import path from "node:path";

const id = "20261122T080000Z";

describe("a folder of a backup that somebody else made", () => {
  let repository: string;
  let folder: string;
  beforeEach(async () => {
    repository = await temporaryFolder();
    folder = await writeSealed(repository, id);
  });
  afterEach(() => removeFolder(repository));

  const problem = async () => (await folderRepository(repository).backups("cbm"))[0]?.problem;
  const at = (file: string) => path.join(folder, file);

  it("has no problem as it is", async () => {
    assert.equal(await problem(), undefined);
    failUnlessListed(await readChecksums(filesIn(folder)));
  });

  for (const file of [
    "../outside",
    "archive/../../outside",
    "/etc/hostname",
    "./prepare.sql",
    ".hidden",
    "a\nb",
  ]) {
    it(`is not read where its manifest names ${JSON.stringify(file)}`, async () => {
      const manifest = await readChecksums(filesIn(folder));
      const files = [...manifest.files, { path: file, bytes: 6, sha256: "0".repeat(64) }];
      // It reads back what it wrote, and so fails too.
      await assert.rejects(writeRecord(folder, { ...manifest, files }));
      assert.match((await problem()) ?? "", /its manifest names a file/);
      await assert.rejects(readChecksums(filesIn(folder)), { code: "manifest-unreadable" });
      const request = { name: "cbm", backup: id, file: "-", repository };
      const progress = progressOn(quietDisplay(() => undefined));
      const { signal } = new AbortController();
      await assert.rejects(exportBackup(request, process.stdout, progress, signal), {
        code: "checksum-mismatch",
      });
    });
  }

  for (const [title, files, problem] of [
    ["its manifest", ["manifest.json"], /names manifest\.json, which is reserved or listed twice/],
    ["its checksums", ["SHA256SUMS"], /names SHA256SUMS, which is reserved or listed twice/],
    ["its mark", ["keep"], /names keep, which is reserved or listed twice/],
    ["a file twice", ["a", "b", "a"], /names a, which is reserved or listed twice/],
    ["a file and a folder alike", ["x/y/z", "x"], /names x\/y\/z and also a file that is the folder of it/],
    ["a file below a file", ["x/y", "x/y/z"], /names x\/y\/z and also a file that is the folder of it/],
  ] as const)
    it(`must not list ${title}`, () => {
      assert.match(oddPath(files.map((file) => ({ path: file }))) ?? "", problem);
    });

  it("may list what pg_dump and this program write", () => {
    const files = ["prepare.sql", "archive/toc.dat", "archive/4711.dat.zst", "archive-2/x", "_a/b/c"];
    assert.equal(oddPath(files.map((file) => ({ path: file }))), undefined);
  });

  it("has a problem where pg_restore would read a file that has no checksum", async () => {
    await writeFile(at("archive/2.dat"), "more");
    assert.equal(await problem(), "archive/2.dat is not a file of this backup");
  });

  it("may have a note of the user's beside it", async () => {
    await writeFile(at("note.txt"), "mine");
    assert.equal(await problem(), undefined);
  });

  for (const file of ["archive/toc.dat", "prepare.sql"]) {
    it(`cannot be restored where its manifest leaves out ${file}`, async () => {
      await reseal(folder, (manifest) => {
        manifest.files = manifest.files.filter((one) => one.path !== file);
      });
      const manifest = await readChecksums(filesIn(folder));
      assert.throws(
        () => {
          failUnlessListed(manifest);
        },
        { code: "manifest-unreadable", message: new RegExp(`does not name ${file}`) },
      );
    });
  }

  it("has a problem where a file or a folder in it is a link", async () => {
    await rename(at("prepare.sql"), path.join(repository, "elsewhere"));
    await symlink(path.join(repository, "elsewhere"), at("prepare.sql"));
    assert.equal(await problem(), "prepare.sql is missing");
    await assert.rejects(filesIn(folder).read("prepare.sql")[Symbol.asyncIterator]().next(), {
      code: "checksum-mismatch",
    });
    await rm(at("prepare.sql"));
    await rename(at("archive"), path.join(repository, "moved"));
    await symlink(path.join(repository, "moved"), at("archive"));
    assert.match((await problem()) ?? "", /^archive\/.* is missing$/);
    await rm(at("archive"));
    await rename(path.join(repository, "moved"), at("archive"));
    await rename(path.join(repository, "elsewhere"), at("prepare.sql"));
    await symlink("/etc/passwd", at("archive/3.dat"));
    assert.equal(await problem(), "archive/3.dat is a link or not a file");
  });

  it("is not waited for where its manifest is a pipe, and not read where it is without an end", async () => {
    await rm(at("manifest.json"));
    await promisify(execFile)("mkfifo", [at("manifest.json")]);
    assert.match((await problem()) ?? "", /manifest\.json is a link or not a file/);
    await assert.rejects(readChecksums(filesIn(folder)));
    await rm(at("manifest.json"));
    await writeFile(at("manifest.json"), "");
    await truncate(at("manifest.json"), 2 ** 29);
    await assert.rejects(readChecksums(filesIn(folder)), { code: "manifest-unreadable" });
    assert.match((await problem()) ?? "", /larger than 256 MiB/);
  });
});

describe("text that is printed", () => {
  it("has no characters that a terminal takes for commands", () => {
    const text = "a\u001b[2J\u001b]0;x\u0007\r\b\u009b1m\u007f\u202egnp\u2066é\t\u{1f600}\n";
    assert.equal(
      printable(text),
      "a\\u001b[2J\\u001b]0;x\\u0007\\u000d\\u0008\\u009b1m\\u007f\\u202egnp\\u2066é\t\u{1f600}\n",
    );
    const json = JSON.stringify({ text });
    assert.deepEqual(JSON.parse(printable(json)), { text });
  });
});
