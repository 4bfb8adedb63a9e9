import assert from "node:assert/strict";
import { createReadStream } from "node:fs";
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { gzipSync } from "node:zlib";
import {
  readScript,
  type ScriptTable,
  withoutDefinition,
  wrongRows,
} from "../../../runner/postgres/archive/script";
import { removeFolder, temporaryFolder } from "../../support/resources";
import { decompressed } from "../../../runner/postgres/archive/compression";

const archive = [
  "--",
  "-- PostgreSQL database dump",
  "--",
  "\\restrict abc",
  "CREATE TABLE public.a (",
  "    x integer",
  ");",
  'CREATE UNLOGGED TABLE "ES"."Parcel ""Set""\nof two lines" (',
  ");",
  "CREATE TABLE public.parted (y integer) PARTITION BY RANGE (y);",
  "COPY public.a (x) FROM stdin;",
  "1",
  "CREATE TABLE public.b (",
  "\\\\.",
  "\\.",
  'COPY "ES"."Parcel ""Set""\nof two lines"  FROM stdin;',
  "",
  "",
  "\\.",
  "--",
  "-- PostgreSQL database dump complete",
  "--",
  "",
  "\\unrestrict abc",
  "",
].join("\n");

const table = (name: string, rows: number, more: Partial<ScriptTable> = {}): ScriptTable => ({
  schema: "public",
  name,
  rows,
  kind: "table",
  ...more,
});
const tables = [
  table("a", 3),
  table('Parcel "Set"\nof two lines', 2, { schema: "ES" }),
  table("parted", 0, { kind: "partitioned" }),
];

describe("a script of pg_dump", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await temporaryFolder();
  });
  afterEach(() => removeFolder(folder));

  async function read(content: string | Buffer, name = "archive.sql") {
    await writeFile(path.join(folder, name), content);
    const contents = await readScript(
      decompressed(createReadStream(path.join(folder, name)), name, new AbortController().signal),
    );
    return {
      complete: contents.complete,
      undefined: withoutDefinition(contents, tables).map((found) => found.name),
      wrong: wrongRows(contents.rows, tables),
    };
  }
  const whole = { complete: true, undefined: [], wrong: [] };

  it("has every table's definition and rows, whatever the rows look like", async () => {
    assert.deepEqual(await read(archive), whole);
    assert.deepEqual(await read(gzipSync(archive), "archive.sql.gz"), whole);
  });

  it("may have rows longer than what is read at once", async () => {
    assert.deepEqual(await read(archive.replace("\n1\n", `\n${"x".repeat(1_000_000)}\n`)), whole);
  });

  it("may have numbers of rows instead of rows", async () => {
    const counted = archive.replace("\n1\nCREATE TABLE public.b (\n\\\\.\n\\.\n", "\n\\. 3\n");
    assert.ok(counted.length < archive.length);
    assert.deepEqual(await read(counted), whole);
    assert.deepEqual((await read(counted.replace("\\. 3", "\\. 12"))).wrong, [
      "has 12 rows of public.a instead of 3",
    ]);
  });

  for (const [title, content, expected] of [
    ["a row", archive.replace("\n1\n", "\n"), { wrong: ["has 2 rows of public.a instead of 3"] }],
    ["a definition", archive.replace("CREATE TABLE public.a", "CREATE TABLE x.a"), { undefined: ["a"] }],
    [
      "all rows of a table",
      archive.replace("COPY public.a", "COPY x.a"),
      { wrong: ["has no rows of public.a instead of 3"] },
    ],
    [
      "its last lines",
      archive.slice(0, archive.indexOf("-- PostgreSQL database dump complete")),
      { complete: false },
    ],
    ["an end, because something follows it", `${archive}DROP TABLE x;\n`, { complete: false }],
  ] as const) {
    it(`shows that it lacks ${title}`, async () => {
      assert.deepEqual(await read(content), { ...whole, ...expected });
    });
  }

  it("that ends within its rows is not complete", async () => {
    const { complete, wrong } = await read(archive.slice(0, archive.indexOf("\\\\.")));
    assert.equal(complete, false);
    assert.equal(wrong.length, 2);
  });

  it("cannot be read when its compression is cut off", async () => {
    await assert.rejects(
      read(gzipSync(archive).subarray(0, -10), "archive.sql.gz"),
      /unexpected end of file/,
    );
    await assert.rejects(read("no zstd at all", "archive.sql.zst"), /invalid zstd data/);
  });
});
