import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { assemble, joinStart } from "../../../runner/postgres/archive/ranged-dump";
import type { Relation } from "../../../runner/postgres/catalog/catalog";
import {
  forWorkers,
  isIn,
  lastingRange,
  pageRanges,
  splitTables,
} from "../../../runner/postgres/archive/ranges";
import type { Session } from "../../../runner/postgres/session/session";
import { together } from "../../../runner/lib/concurrency";
import { compressorFor } from "../../../runner/postgres/archive/compression";
import os from "node:os";
import path from "node:path";

describe("ranges of pages", () => {
  it("meet, begin with the first page, and have no end", () => {
    assert.deepEqual(pageRanges(10, 4), [{ from: 0, end: 4 }, { from: 4, end: 8 }, { from: 8 }]);
    assert.deepEqual(pageRanges(5, 4).map(isIn), ["ctid >= '(0,0)' AND ctid < '(4,0)'", "ctid >= '(4,0)'"]);
  });

  it("are no more than there are pages, and one at least", () => {
    assert.equal(pageRanges(2, 0).length, 2);
    assert.deepEqual(pageRanges(1, 12), [{ from: 0 }]);
    assert.deepEqual(pageRanges(0, 12), [{ from: 0 }]);
  });

  it("are as many as were wanted, if there are the pages", () => {
    for (let pages = 32; pages < 3000; pages++)
      for (const wanted of [1, 7, 12, 32])
        assert.equal(pageRanges(pages, pages / wanted).length, wanted, `${pages}`);
  });

  it("have bounds that stay while a table grows, are not small, and not too many", () => {
    assert.equal(lastingRange(4095), undefined);
    assert.equal(lastingRange(4096), 2048);
    assert.equal(lastingRange(2048 * 512), 2048);
    assert.equal(lastingRange(2048 * 512 + 1), 4096);
    const pages = 2_400_000;
    const count = pageRanges(pages, lastingRange(pages) ?? 0).length;
    assert.ok(count > 256 && count <= 512, String(count));
  });
});

describe("tables that are split", () => {
  const mebibyte = 2 ** 20;
  const table = (oid: string, bytes: number): Relation => ({
    ...{ oid, kind: "r", schema: "public", name: `t${oid}`, sqlName: `public.t${oid}`, visible: true },
    ...{ partOf: [], references: [], bytes, owner: "o", extension: null },
  });
  /** With the columns of each heap, and what the server is asked. */
  function server(heaps: Record<string, string | null>) {
    const asked: string[] = [];
    const rows = (text: string) => {
      asked.push(text);
      if (text.includes("indexprs")) return Promise.resolve([]);
      return Promise.resolve(
        Object.entries(heaps).map(([oid, columns]) => ({ oid, columns, pages: 100_000 })),
      );
    };
    return { asked, session: { rows } as unknown as Session };
  }
  const options = forWorkers(3);

  it("have every row once", async () => {
    const { session, asked } = server({ 1: "a, b", 3: null });
    const tables = [table("1", 100 * mebibyte), table("3", 2000 * mebibyte)];
    const [first, third, ...others] = await splitTables(session, tables, options);
    assert.deepEqual(others, []);
    assert.match(asked.join(), /c\.oid IN \(1, 3\)/);
    const pagesPerRange = 100_000 / 12;
    const ranges = pageRanges(100_000, pagesPerRange);
    assert.equal(ranges.length, 12);
    assert.deepEqual(first, {
      ...tables[0],
      rows: "SELECT a, b FROM ONLY public.t1",
      pagesPerRange,
      ranges,
      before: [],
    });
    assert.equal(third?.ranges.length, 32);
    assert.equal(third.rows, "SELECT  FROM ONLY public.t3");
  });

  it("are none where the splitting says so, or one has a line break in a name, or is no heap, or is of an extension", async () => {
    const small = server({});
    assert.deepEqual(await splitTables(small.session, [], options), []);
    assert.deepEqual(await splitTables(small.session, [{ ...table("1", 1), extension: "e" }], options), []);
    assert.deepEqual(small.asked, []);
    const large = [table("1", 100 * mebibyte)];
    assert.deepEqual(await splitTables(server({ 1: "a" }).session, large, () => undefined), []);
    assert.deepEqual(await splitTables(server({}).session, large, options), []);
    assert.deepEqual(await splitTables(server({ 1: '"a\nb"' }).session, large, options), []);
    assert.deepEqual(await splitTables(server({ 7: "a" }).session, large, options), []);
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

  it("are taken from the beginning of another file at once", async () => {
    const file = path.join(folder, "other");
    await writeFile(file, "0123456789");
    const kept = new Map([
      [0, { file, start: 0, bytes: 2 }],
      [1, { file, start: 2, bytes: 3 }],
      [3, { file, start: 8, bytes: 2 }],
    ]);
    const joined = joinStart(kept);
    assert.deepEqual(
      [...joined.values()].map(({ bytes }) => bytes),
      [5, 0, 2],
    );
    await writeFile(path.join(folder, "new"), " new ");
    const add = assemble(
      path.join(folder, "whole"),
      (index) => joined.get(index) ?? path.join(folder, "new"),
    );
    for (const index of [1, 3, 0, 2]) await add(index);
    assert.equal(await readFile(path.join(folder, "whole"), "utf8"), "01234 new 89");
    assert.equal(await readFile(file, "utf8"), "0123456789");
  });

  it("can be pieces of other files, which stay", async () => {
    const file = path.join(folder, "other");
    await writeFile(file, "0123456789");
    const piece = (start: number, bytes: number) => ({ file, start, bytes });
    const parts = [piece(2, 3), path.join(folder, "new"), piece(9, 1), piece(0, 0)];
    const add = assemble(path.join(folder, "whole"), (index) => parts[index] ?? "");
    await add(3);
    await add(2);
    await add(0);
    await writeFile(path.join(folder, "new"), " new ");
    await add(1);
    assert.equal(await readFile(path.join(folder, "whole"), "utf8"), "234 new 9");
    assert.deepEqual((await readdir(folder)).sort(), ["other", "whole"]);
  });
});

describe("the program that compresses as pg_dump would", () => {
  it("has its method and level, and the suffix that pg_restore knows", () => {
    assert.deepEqual(compressorFor("zstd:1"), {
      command: ["zstd", "-1", "--ultra", "--quiet", "--stdout"],
      suffix: ".zst",
    });
    assert.deepEqual(compressorFor("gzip"), {
      command: ["gzip", "-6", "--no-name", "--stdout"],
      suffix: ".gz",
    });
    assert.deepEqual(compressorFor("none"), { command: ["cat"], suffix: "" });
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
