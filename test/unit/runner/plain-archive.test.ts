import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { gzipSync } from "node:zlib";
import { checkPlainArchive, type PlainTable } from "../../../runner/postgres/plain-archive";
import { removeFolder, temporaryFolder } from "../../support/resources";

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
  "\\.\\\\",
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

const table = (name: string, rows: number, more: Partial<PlainTable> = {}): PlainTable => ({
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

describe("a plain archive", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await temporaryFolder();
  });
  afterEach(() => removeFolder(folder));

  async function check(content: string | Buffer, expected = tables, name = "archive.sql"): Promise<void> {
    await writeFile(path.join(folder, name), content);
    await checkPlainArchive(path.join(folder, name), expected);
  }

  it("has every table's definition and rows, whatever the rows look like", async () => {
    await check(archive);
    await check(gzipSync(archive), tables, "archive.sql.gz");
  });

  it("may have lines longer than what is read at once", async () => {
    const long = "x".repeat(1_000_000);
    await check(archive.replace("\n1\n", `\n${long}\n`));
  });

  for (const [title, content, message] of [
    ["lacks a row", archive.replace("\n1\n", "\n"), /has 2 rows of public\.a instead of 3/],
    [
      "lacks a definition",
      archive.replace("CREATE TABLE public.a", "CREATE TABLE x.a"),
      /lacks the definition of public\.a/,
    ],
    ["lacks the rows", archive.replace("COPY public.a", "COPY x.a"), /has no rows of public\.a/],
    [
      "ends after its rows",
      archive.slice(0, archive.indexOf("-- PostgreSQL database dump complete")),
      /does not end as pg_dump/,
    ],
    ["ends within its rows", archive.slice(0, archive.indexOf("\\.\\\\")), /does not end as pg_dump/],
    ["goes on after its end", `${archive}DROP TABLE x;\n`, /does not end as pg_dump/],
  ] as const) {
    it(`is refused when it ${title}`, async () => {
      await assert.rejects(check(content), message);
    });
  }

  it("is refused when its compression is cut off", async () => {
    const zipped = gzipSync(archive);
    await assert.rejects(
      check(zipped.subarray(0, -10), tables, "archive.sql.gz"),
      /cannot be read to its end/,
    );
    const unzipped = check("no zstd at all", tables, "archive.sql.zst");
    await assert.rejects(unzipped, /cannot be read to its end/);
  });
});
