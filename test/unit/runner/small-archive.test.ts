import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { Failure } from "../../../runner/lib/failure";
import { decompressed, isReadable } from "../../../runner/postgres/archive/compression";
import { rowsIn } from "../../../runner/postgres/archive/data-files";

const end = "\\.\n\n\n";

/** The content, in pieces of so many bytes. */
function pieces(content: string | Uint8Array, bytes: number): AsyncIterable<Uint8Array> {
  const whole = Buffer.from(content);
  return (async function* () {
    for (let at = 0; at < whole.length; at += bytes)
      yield await Promise.resolve(whole.subarray(at, at + bytes));
  })();
}

const isCutOff = (error: unknown) => error instanceof Failure && error.code === "archive-incomplete";

describe("the rows of a data file, counted in this program", () => {
  for (const bytes of [1, 2, 5, 1000])
    it(`are as many in pieces of ${bytes} bytes`, async () => {
      for (const rows of [0, 1, 2, 77])
        assert.equal(await rowsIn(pieces("a\\\\.\tb\n".repeat(rows) + end, bytes), "1.dat"), rows);
    });

  for (const [what, content] of Object.entries({
    nothing: "",
    "no end": "a\nb\n",
    "an end that is cut off": "a\nb\n\\.\n\n",
    "an end that is part of a row": `a\nb${end}`,
    "more after its end": `a\nb\n${end}c\n`,
  }))
    it(`are unknown of a file with ${what}`, async () => {
      for (const bytes of [1, 3, 1000])
        await assert.rejects(rowsIn(pieces(content, bytes), "1.dat"), isCutOff);
    });

  it("are unknown of a compressed file that was cut off", async () => {
    const whole = gzipSync(`${"some row\n".repeat(5000)}${end}`);
    const { signal } = new AbortController();
    const read = (content: Uint8Array) =>
      rowsIn(decompressed(pieces(content, 64), "1.dat.gz", signal), "1.dat.gz");
    assert.equal(await read(whole), 5000);
    await assert.rejects(read(whole.subarray(0, -20)), isCutOff);
  });

  it("are read of files that this program can decompress", () => {
    const files = ["1.dat", "1.dat.gz", "1.dat.zst", "1.dat.lz4"];
    assert.deepEqual(files.filter(isReadable), files.slice(0, 3));
  });
});
