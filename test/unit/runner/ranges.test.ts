import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { assemble } from "../../../runner/backup/assembly";
import { compressorFor } from "../../../runner/postgres/compressor";
import { pageRanges } from "../../../runner/postgres/ranges";
import { together } from "../../../runner/together";

describe("ranges of pages", () => {
  it("meet, and are open at both ends", () => {
    assert.deepEqual(pageRanges(10, 3), [
      " WHERE ctid < '(3,0)'",
      " WHERE ctid >= '(3,0)' AND ctid < '(6,0)'",
      " WHERE ctid >= '(6,0)'",
    ]);
  });

  it("are no more than there are pages, and one at least", () => {
    assert.equal(pageRanges(2, 12).length, 2);
    assert.deepEqual(pageRanges(1, 12), [""]);
    assert.deepEqual(pageRanges(0, 12), [""]);
  });
});

describe("parts of a file", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), "pgb-test-"));
  });
  afterEach(() => rm(folder, { recursive: true }));

  it("are appended in their order, however they come", async () => {
    const part = (index: number) => path.join(folder, String(index));
    const add = assemble(path.join(folder, "whole"), part);
    for (const index of [2, 0, 3, 1]) {
      await writeFile(part(index), `part ${index};`);
      await add(index);
    }
    assert.equal(await readFile(path.join(folder, "whole"), "utf8"), "part 0;part 1;part 2;part 3;");
    assert.deepEqual(await readdir(folder), ["whole"]);
  });
});

describe("the program that compresses as pg_dump would", () => {
  it("has its method and level, and the suffix that pg_restore knows", () => {
    assert.deepEqual(compressorFor("zstd:1"), {
      command: "zstd -1 --ultra --quiet --stdout",
      suffix: ".zst",
    });
    assert.deepEqual(compressorFor("gzip"), { command: "gzip -6 --no-name --stdout", suffix: ".gz" });
    assert.deepEqual(compressorFor("none"), { command: "cat", suffix: "" });
    assert.equal(compressorFor("lz4:1"), undefined);
  });
});

describe("work that is done together", () => {
  it("ends as a whole with the first error", async () => {
    let ended = false;
    const until = (signal: AbortSignal) =>
      new Promise<void>((resolve) => {
        signal.addEventListener("abort", () => {
          ended = true;
          resolve();
        });
      });
    const never = new AbortController().signal;
    await assert.rejects(together(never, [until, () => Promise.reject(new Error("first"))]), /first/);
    assert.ok(ended);
  });

  it("gives what each piece gives", async () => {
    const never = new AbortController().signal;
    assert.deepEqual(await together(never, [() => Promise.resolve(1), () => Promise.resolve("two")]), [
      1,
      "two",
    ]);
  });
});
