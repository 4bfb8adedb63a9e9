import assert from "node:assert/strict";
import { Failure } from "../../../runner/lib/failure";
import {
  type ArchivedTable,
  missingFromArchive,
  rowsByTable,
} from "../../../runner/postgres/archive/archive";
import type { Relation } from "../../../runner/postgres/catalog/catalog";
import { readList } from "../../../runner/postgres/archive/toc";
import { chooseCompression, compressOption } from "../../../runner/postgres/archive/compression";
import { dumpCommand, followTable, rowTooLarge } from "../../../runner/postgres/archive/dump";
import { fingerprintMethod, whyNotComparable } from "../../../runner/postgres/catalog/fingerprint";
import { refuseUnreadable } from "../../../runner/postgres/catalog/not-carried";
import type { FingerprintMethod } from "../../../runner/request/contents";
import { readableScript } from "../../../runner/postgres/catalog/prepare";

const table = (oid: string, kind: "r" | "p" = "r"): Relation => ({
  oid,
  kind,
  schema: "public",
  name: 'a"b',
  sqlName: 'public."a""b"',
  visible: true,
  partOf: [],
  references: [],
  bytes: 0,
  owner: "o",
  extension: null,
});

describe("a row that is too large", () => {
  const huge = "ERROR:  invalid memory alloc request size 1200000003";
  for (const [what, words, table] of [
    [
      "a dump",
      `pg_dump: error: Dumping the contents of table "a ""b""" failed: PQgetResult() failed.
pg_dump: detail: Error message from server: ${huge}
pg_dump: detail: Command was: COPY s."a ""b""" (b, c) TO stdout;`,
      's."a ""b"""',
    ],
    [
      "several columns",
      `ERROR:  out of memory
DETAIL:  Cannot enlarge string buffer containing 800000003 bytes by 400000002 more bytes.
SELECT x FROM ONLY public.huge WHERE true`,
      "public.huge",
    ],
    [
      "version 18",
      "ERROR:  string buffer exceeds maximum allowed length (1073741823 bytes)",
      "one of the tables",
    ],
  ] as const) {
    it(`is told of, with its table and what to do: ${what}`, () => {
      const failure = rowTooLarge(words);
      assert.equal(failure?.code, "row-too-large");
      assert.ok(failure.message.startsWith(`A row of ${table} has more than 1 GB as text`), failure.message);
      assert.match(failure.message, /Split the row, or leave the table out with --exclude-table\..*\(.+\)$/s);
    });
  }

  for (const words of [
    "ERROR:  out of memory\nDETAIL:  Failed on request of size 8192 in memory context",
    "ERROR:  invalid memory alloc request size 18446744073709551613",
    "ERROR:  invalid page in block 7 of relation base/5/16384",
  ]) {
    it(`is something else than ${words.split("\n").join(" ")}`, () => {
      assert.equal(rowTooLarge(words), undefined);
    });
  }
});

describe("definitions in a database without an encoding", () => {
  const header = (name: string) => `--\n-- Name: ${name}; Type: FUNCTION; Schema: s; Owner: o\n--\n\n`;

  it("are kept where they are text, and refused by name where not", () => {
    const good = `${header("good()")}SELECT 'é\uFFFD';\n`;
    assert.equal(readableScript(Buffer.from(good)), good);
    const bad = Buffer.from(`${header("bad()")}SELECT '\u00e9';\n`, "latin1");
    assert.throws(() => readableScript(Buffer.concat([Buffer.from(good), bad])), {
      code: "not-carried",
      message: /: function bad\(\), whose definition is not valid UTF-8\./,
    });
    assert.throws(
      () => {
        refuseUnreadable(["a", "CREATE STATISTICS \uFFFD"]);
      },
      { code: "not-carried" },
    );
    refuseUnreadable(["CREATE STATISTICS é"]);
  });
});

describe("fingerprints", () => {
  it("are of text in UTF-8 where an encoding can be converted to it", () => {
    const methods = ["UTF8", "LATIN1", "SQL_ASCII", "MULE_INTERNAL"].map((encoding) =>
      fingerprintMethod({ number: 170000, encoding }),
    );
    assert.deepEqual(methods, ["values", "values-utf8", "values", "values"]);
  });

  it("are not compared for a reason that is named", () => {
    const why = (method: FingerprintMethod, from: string, number: number, encoding: string) =>
      whyNotComparable(method, from, { number, encoding });
    assert.equal(why("values", "UTF8", 170000, "UTF8"), undefined);
    assert.equal(why("values-utf8", "LATIN1", 170000, "UTF8"), undefined);
    assert.equal(why("text", "SQL_ASCII", 130000, "SQL_ASCII"), undefined);
    assert.match(why("columns", "UTF8", 130000, "UTF8") ?? "", /version/);
    assert.match(why("columns", "SQL_ASCII", 170000, "UTF8") ?? "", /was SQL_ASCII .* is UTF8 in this one$/);
    assert.match(why("columns-utf8", "LATIN1", 170000, "MULE_INTERNAL") ?? "", /encoding/);
  });
});

describe("the pg_dump command", () => {
  it("names the snapshot, the exact tables and nothing else", () => {
    const options = {
      format: "directory",
      jobs: 3,
      compression: "zstd:1",
      version: 17,
      sequences: [{ schema: "s", name: "q" }],
      lockTimeout: 60,
    } as const;
    assert.deepEqual(
      dumpCommand(options, { id: "00000004-00000005-1", tables: [table("1")] }, "/backups/x/archive"),
      [
        "pg_dump",
        "--no-password",
        "--format=directory",
        "--compress=zstd:1",
        "--jobs=3",
        "--snapshot=00000004-00000005-1",
        "--lock-wait-timeout=60000",
        "--strict-names",
        "--no-sync",
        "--verbose",
        "--file=/backups/x/archive",
        '--table="public"."a""b"',
        '--table="s"."q"',
      ],
    );
  });

  it("writes other formats with one worker, to standard output where nothing is mounted", () => {
    const options = {
      format: "custom",
      jobs: 3,
      compression: "none",
      version: 17,
      sequences: [],
      lockTimeout: 60,
    } as const;
    const command = dumpCommand(options, { id: "s", tables: [] }, undefined);
    assert.ok(!command.some((word) => /^--(jobs|file)/.test(word)));
  });

  it("compresses with what the version takes", () => {
    assert.equal(compressOption("lz4", 16), "--compress=lz4");
    assert.equal(compressOption("gzip:1", 13), "--compress=1");
    assert.equal(compressOption("none", 13), "--compress=0");
  });
});

describe("the compression", () => {
  const of = (major: number, compresses = true) => ({ version: `${major}.1`, major, compresses });

  it("is the best that pg_dump knows, unless the user wants another", () => {
    assert.equal(chooseCompression(undefined, "directory", of(17)), "zstd:1");
    assert.equal(chooseCompression(undefined, "directory", of(17, false)), "gzip:1");
    assert.equal(chooseCompression(undefined, "directory", of(15)), "gzip:1");
    assert.equal(chooseCompression("lz4", "custom", of(16)), "lz4");
    assert.equal(chooseCompression("none", "plain", of(13)), "none");
  });

  for (const [title, choose, message] of [
    ["pg_dump is too old for", () => chooseCompression("zstd:1", "custom", of(15)), /came with version 16/],
    [
      "pg_dump was built without",
      () => chooseCompression("zstd:1", "custom", of(17, false)),
      /17\.1 .* built without zstd/,
    ],
    [
      "nothing undoes in a plain archive",
      () => chooseCompression("lz4", "plain", of(17)),
      /Use zstd or gzip/,
    ],
    [
      "pg_dump does not know, where files are split off a custom archive",
      () => chooseCompression(undefined, "directory", of(15), true),
      /zstd, which pg_dump 15\.1 in the container does not know, or with --compression none\. Choose/,
    ],
  ] as const) {
    it(`is not one that ${title}`, () => {
      assert.throws(choose, (error) => {
        assert.ok(error instanceof Failure && error.code === "compression-unsupported");
        assert.match(error.message, message);
        return true;
      });
    });
  }
});

describe("pg_dump's messages", () => {
  it("tell which tables its workers are busy with", () => {
    const current = new Set<string>();
    assert.ok(followTable(current, 'pg_dump: dumping contents of table "public.a"'));
    assert.ok(followTable(current, 'pg_dump: dumping contents of table "es.b"'));
    assert.ok(followTable(current, "pg_dump: finished item 4555 TABLE DATA a"));
    assert.deepEqual([...current], ["es.b"]);
    assert.ok(!followTable(current, "pg_dump: error: out of memory"));
  });
});

describe("the table of contents", () => {
  const entry = (table: Partial<ArchivedTable>): ArchivedTable => ({
    schema: "public",
    name: "a",
    owner: "postgres",
    kind: "table",
    ...table,
  });
  const contents = [
    ";",
    "; Archive created at 2026-11-22",
    "219; 1259 16500 TABLE public a postgres",
    "220; 1259 16501 TABLE es two words gis owner",
    "221; 1259 16502 TABLE public a\u2028b postgres",
    "4660; 0 16502 TABLE DATA public a\u2028b postgres",
    "4661; 0 16500 TABLE DATA public a postgres",
    "4662; 0 16501 TABLE DATA es two words gis owner",
  ];

  it("is searched by name, for definition and rows", () => {
    const there = [
      entry({}),
      entry({ schema: "es", name: "two\nwords", owner: "gis owner" }),
      entry({ name: "a\u2028b" }),
    ];
    assert.deepEqual(missingFromArchive(readList(contents.join("\n")), there), []);
    const others = [entry({ name: "b" }), entry({ schema: "es" }), entry({ name: "a postgres" })];
    assert.deepEqual(missingFromArchive(readList(contents.join("\n")), others), others);
  });

  it("must have the rows too, except of a partitioned table, which has none of its own", () => {
    const definition = readList(contents.slice(0, 3).join("\n"));
    assert.equal(missingFromArchive(definition, [entry({})]).length, 1);
    assert.equal(missingFromArchive(definition, [entry({ kind: "partitioned" })]).length, 0);
  });

  it("says which data file has the rows of a table, of those whose names are alike one that fits", () => {
    const alike = readList([...contents, "4663; 0 16502 TABLE DATA es two words gis owner"].join("\n"));
    const rows = new Map([
      ["4661", 1],
      ["4662", 2],
      ["4663", 3],
    ]);
    const count = (table: Partial<ArchivedTable>, expected: number) =>
      rowsByTable(alike, [{ ...entry(table), rows: expected }], rows)
        .values()
        .next().value;
    assert.equal(count({}, 5), 1);
    const twoWords = { schema: "es", name: "two words", owner: "gis owner" };
    assert.equal(count(twoWords, 3), 3);
    assert.equal(count({ ...twoWords, schema: "es two", name: "words" }, 2), 2);
    assert.equal(count({ ...twoWords, name: "two" }, 2), undefined);
  });
});
