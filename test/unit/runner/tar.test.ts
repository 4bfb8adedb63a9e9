import assert from "node:assert/strict";
import { PassThrough, Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import path from "node:path";
import { truncate, writeFile } from "node:fs/promises";
import { execa } from "execa";
import { readTar, tarBytes, type TarFile, writeTar } from "../../../runner/lib/tar";
import { removeFolder, temporaryFolder } from "../../support/resources";

const never = new AbortController().signal;
const huge = 9 * 2 ** 30;

function file(path: string, content: string, bytes = content.length): TarFile {
  return { path, bytes, content: Readable.from([Buffer.from(content)]) };
}

async function written(...files: TarFile[]): Promise<Buffer> {
  const destination = new PassThrough();
  const [content] = await Promise.all([
    buffer(destination),
    writeTar(files, new Date("2026-11-22T08:15:00Z"), destination, never),
  ]);
  return content;
}

describe("a tar of a backup", () => {
  it("is what stock tar lists and unpacks, and the same for the same files", async () => {
    const one = () => written(file("cbm/x/a", "hello"), file("cbm/x/b/c", ""));
    const tar = await one();
    assert.deepEqual(await one(), tar);
    assert.equal(tar.length, tarBytes([5, 0]));
    const { stdout } = await execa("tar", ["--list", "--verbose", "--utc", "--file=-"], { input: tar });
    assert.match(
      stdout,
      /^-rw------- 0\/0 +5 2026-11-22 08:15 cbm\/x\/a\n-rw------- 0\/0 +0 2026-11-22 08:15 cbm\/x\/b\/c$/,
    );
    assert.equal(
      (await execa("tar", ["--extract", "--to-stdout", "--file=-", "cbm/x/a"], { input: tar })).stdout,
      "hello",
    );
  });

  it("gives back what was written", async () => {
    const found: [string, string][] = [];
    for await (const entry of readTar(Readable.from([await written(file("a", "1"), file("b", "22"))]), never))
      found.push([entry.path, (await buffer(entry.content)).toString()]);
    assert.deepEqual(found, [
      ["a", "1"],
      ["b", "22"],
    ]);
  });

  it("has room for files of more than 8 GiB, as stock tar reads and writes them", async () => {
    const destination = new PassThrough();
    const chunks: Buffer[] = [];
    destination.on("data", (chunk: Buffer) => chunks.push(chunk)).on("error", () => undefined);
    const failing = (async function* () {
      yield await Promise.resolve(Buffer.from("x"));
      throw new Error("enough");
    })();
    const files = [{ path: "huge", bytes: huge, content: failing }];
    await assert.rejects(writeTar(files, new Date(), destination, never), /enough/);
    const { stdout } = await execa("tar", ["--list", "--verbose", "--file=-"], {
      input: Buffer.concat(chunks),
      reject: false,
    });
    assert.match(stdout, new RegExp(` ${huge} .* huge$`));

    const folder = await temporaryFolder();
    try {
      await writeFile(path.join(folder, "huge"), "");
      await truncate(path.join(folder, "huge"), huge);
      for (const format of ["posix", "gnu"]) {
        const command = `tar --format=${format} --create --file=- huge 2>/dev/null | head --bytes=20000`;
        const { stdout: tar } = await execa("bash", ["-c", command], { cwd: folder, encoding: "buffer" });
        const { value } = await readTar(Readable.from([Buffer.from(tar)]), never).next();
        assert.deepEqual([value?.path, value?.bytes], ["huge", huge]);
      }
    } finally {
      await removeFolder(folder);
    }
  });
});
