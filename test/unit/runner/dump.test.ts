import assert from "node:assert/strict";
import { missingFromArchive } from "../../../runner/postgres/archive";
import type { Relation } from "../../../runner/postgres/catalog";
import { compressOption, defaultCompression, dumpCommand, followTable } from "../../../runner/postgres/dump";

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

describe("the pg_dump command", () => {
  it("names the snapshot, the exact tables and nothing else", () => {
    const options = {
      format: "directory",
      jobs: 3,
      compression: "zstd:1",
      version: 17,
      lockTimeout: 60,
    } as const;
    assert.deepEqual(
      dumpCommand(options, { id: "00000004-00000005-1", tables: [table("1")] }, "/backups/x/archive"),
      [
        "pg_dump",
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
      ],
    );
  });

  it("writes other formats with one worker, to standard output where nothing is mounted", () => {
    const options = { format: "custom", jobs: 3, compression: "none", version: 17, lockTimeout: 60 } as const;
    const command = dumpCommand(options, { id: "s", tables: [] }, undefined);
    assert.ok(!command.some((word) => /^--(jobs|file)/.test(word)));
  });

  it("compresses with what the version knows", () => {
    assert.equal(defaultCompression(17), "zstd:1");
    assert.equal(defaultCompression(15), "gzip:1");
    assert.equal(compressOption("lz4", 16), "--compress=lz4");
    assert.equal(compressOption("gzip:1", 13), "--compress=1");
    assert.equal(compressOption("none", 13), "--compress=0");
    assert.throws(() => compressOption("zstd:1", 15), /came with version 16/);
  });
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
  const contents = [
    ";",
    "; Archive created at 2026-11-22",
    "219; 1259 16500 TABLE public a postgres",
    "4661; 0 16500 TABLE DATA public a postgres",
  ];

  it("is searched by oid, for definition and rows", () => {
    assert.deepEqual(missingFromArchive(contents.join("\n"), [table("16500")]), []);
    assert.deepEqual(missingFromArchive(contents.join("\n"), [table("1650"), table("500")]).length, 2);
  });

  it("must have the rows too, except of a partitioned table, which has none of its own", () => {
    const definition = contents.slice(0, 3).join("\n");
    assert.equal(missingFromArchive(definition, [table("16500")]).length, 1);
    assert.equal(missingFromArchive(definition, [table("16500", "p")]).length, 0);
  });
});
