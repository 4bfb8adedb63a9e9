/** A backup as a tar, and a directory with an earlier backup that it is imported into. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readdir, readFile, readlink, symlink } from "node:fs/promises";
import path from "node:path";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { execa } from "execa";
import { pack } from "tar-stream";
import { Failure, type FailureCode } from "../../runner/lib/failure";
import { importBackup } from "../../runner/transfer/import";
import { Manifest } from "../../runner/repository/manifest";
import { folderRepository } from "../../runner/repository/folder/folder-repository";
import { everyBytes, inChunks } from "./chunks";
import { removeFolder, temporaryFolder } from "./resources";
import { runnerMain, runRunner } from "./runner";
import { sealedFiles, writeSealed } from "./sealed";

export const [older, id, newer] = ["20261121T080000Z", "20261122T080000Z", "20261123T080000Z"] as const;

export const inTar = (file: string) => `cbm/${id}/${file}`;
export const digest = (content: Buffer) => createHash("sha256").update(content).digest("hex");

interface Entry {
  readonly name: string;
  readonly content?: Buffer;
  readonly type?: "symlink" | "link";
  readonly linkname?: string;
}

/** A tar made by hand. */
export async function tarOf(entries: readonly Entry[]): Promise<Buffer> {
  const tar = pack();
  for (const { name, content = Buffer.alloc(0), type = "file", linkname } of entries) {
    if (linkname === undefined) tar.entry({ name, type }, content);
    else tar.entry({ name, type, linkname });
  }
  tar.finalize();
  return buffer(tar);
}

class TransferFixture {
  /** As it was exported. */
  tar = Buffer.alloc(0);
  target = "";
  private source = "";
  private folder = "";

  async begin(): Promise<void> {
    this.source = await temporaryFolder();
    this.folder = await writeSealed(this.source, id);
    const place = ["--repository", this.source, "--name", "cbm"];
    const { exitCode, stderr } = await runRunner(["export", ...place, this.tarFile()]);
    assert.equal(exitCode, 0, stderr);
    this.tar = await readFile(this.tarFile());
  }

  async remove(): Promise<void> {
    await removeFolder(this.source);
  }

  /** With one earlier backup, which is the latest. */
  async newTarget(): Promise<void> {
    this.target = await temporaryFolder();
    await writeSealed(this.target, older);
    await symlink(older, this.nameFolder("latest"));
  }

  async removeTarget(): Promise<void> {
    await removeFolder(this.target);
  }

  tarFile(): string {
    return path.join(this.source, "cbm.tar");
  }

  nameFolder(...below: string[]): string {
    return path.join(this.target, "cbm", ...below);
  }

  imported(input: Buffer, ...more: string[]) {
    const options = { reject: false, input } as const;
    return execa("node", [runnerMain, "import", "-", "--repository", this.target, ...more], options);
  }

  /** As the command line does it, but in this process, for many at once. */
  async importHere(input: Buffer): Promise<Failure | undefined> {
    const chunks = Readable.from(inChunks(input, ...everyBytes(input, 65_536)));
    const progress = { note: () => undefined, follow: () => () => undefined };
    const request = { repository: this.target, fileMode: "0600" };
    try {
      await importBackup(
        folderRepository(this.target),
        request,
        chunks,
        progress,
        new AbortController().signal,
      );
      return undefined;
    } catch (error) {
      assert.ok(error instanceof Failure, String(error));
      return error;
    }
  }

  /** The earlier backup is as it was, and there is nothing else, hidden or not. */
  async expectUntouched(): Promise<void> {
    assert.deepEqual((await readdir(this.nameFolder())).sort(), [older, "latest"]);
    assert.deepEqual(await readdir(this.target), ["cbm"]);
    assert.equal(await readlink(this.nameFolder("latest")), older);
    await execa("sha256sum", ["--check", "--quiet", "SHA256SUMS"], { cwd: this.nameFolder(older) });
  }

  async expectRefused(input: Buffer, code: FailureCode, message = /./): Promise<void> {
    const failure = await this.importHere(input);
    assert.equal(failure?.code, code, failure?.message);
    assert.match(failure.message, message);
    await this.expectUntouched();
  }

  async expectWhole(): Promise<void> {
    await execa("sha256sum", ["--check", "--quiet", "SHA256SUMS"], { cwd: this.nameFolder(id) });
    assert.equal(await readlink(this.nameFolder("latest")), id);
    assert.deepEqual((await readdir(this.nameFolder())).sort(), [older, id, "latest"]);
  }

  /** What the tar has, in its order. */
  async realEntries(): Promise<{ name: string; content: Buffer }[]> {
    const seal = await Promise.all(
      ["manifest.json", "SHA256SUMS"].map(async (file) => ({
        name: inTar(file),
        content: await readFile(path.join(this.folder, file)),
      })),
    );
    const files = Object.entries(sealedFiles).map(([file, content]) => ({ name: inTar(file), content }));
    return [...seal, ...files];
  }

  /** Manifest and checksums that agree with each other, however wrong they are. */
  async resealed(change: (manifest: Manifest) => Manifest): Promise<{ name: string; content: Buffer }[]> {
    const text = await readFile(path.join(this.folder, "manifest.json"), "utf8");
    const manifest = change(Manifest.parse(JSON.parse(text)));
    const content = Buffer.from(JSON.stringify(manifest));
    const sums = [...manifest.files, { path: "manifest.json", sha256: digest(content) }];
    const lines = sums.map(({ path: file, sha256 }) => `${sha256}  ${file}\n`);
    return [
      { name: inTar("manifest.json"), content },
      { name: inTar("SHA256SUMS"), content: Buffer.from(lines.join("")) },
    ];
  }
}

/** One fixture for the tests of a suite, each of which gets a new target. */
export function transferFixture(): TransferFixture {
  const fixture = new TransferFixture();
  before(() => fixture.begin());
  after(() => fixture.remove());
  beforeEach(() => fixture.newTarget());
  afterEach(() => fixture.removeTarget());
  return fixture;
}
