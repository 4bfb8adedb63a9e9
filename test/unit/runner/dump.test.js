"use strict";
var __importDefault = (this && this.__importDefault) || function (mod) {
    return (mod && mod.__esModule) ? mod : { "default": mod };
};
Object.defineProperty(exports, "__esModule", { value: true });
const strict_1 = __importDefault(require("node:assert/strict"));
const failure_1 = require("../../../runner/failure");
const archive_1 = require("../../../runner/postgres/archive");
const compression_1 = require("../../../runner/postgres/compression");
const dump_1 = require("../../../runner/postgres/dump");
const table = (oid, kind = "r") => ({
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
            sequences: [{ schema: "s", name: "q" }],
            lockTimeout: 60,
        };
        strict_1.default.deepEqual((0, dump_1.dumpCommand)(options, { id: "00000004-00000005-1", tables: [table("1")] }, "/backups/x/archive"), [
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
            '--table="s"."q"',
        ]);
    });
    it("writes other formats with one worker, to standard output where nothing is mounted", () => {
        const options = {
            format: "custom",
            jobs: 3,
            compression: "none",
            version: 17,
            sequences: [],
            lockTimeout: 60,
        };
        const command = (0, dump_1.dumpCommand)(options, { id: "s", tables: [] }, undefined);
        strict_1.default.ok(!command.some((word) => /^--(jobs|file)/.test(word)));
    });
    it("compresses with what the version takes", () => {
        strict_1.default.equal((0, compression_1.compressOption)("lz4", 16), "--compress=lz4");
        strict_1.default.equal((0, compression_1.compressOption)("gzip:1", 13), "--compress=1");
        strict_1.default.equal((0, compression_1.compressOption)("none", 13), "--compress=0");
    });
});
describe("the compression", () => {
    const of = (major, compresses = true) => ({ version: `${major}.1`, major, compresses });
    it("is the best that pg_dump knows, unless the user wants another", () => {
        strict_1.default.equal((0, compression_1.chooseCompression)(undefined, "directory", of(17)), "zstd:1");
        strict_1.default.equal((0, compression_1.chooseCompression)(undefined, "directory", of(17, false)), "gzip:1");
        strict_1.default.equal((0, compression_1.chooseCompression)(undefined, "directory", of(15)), "gzip:1");
        strict_1.default.equal((0, compression_1.chooseCompression)("lz4", "custom", of(16)), "lz4");
        strict_1.default.equal((0, compression_1.chooseCompression)("none", "plain", of(13)), "none");
    });
    for (const [title, choose, message] of [
        ["pg_dump is too old for", () => (0, compression_1.chooseCompression)("zstd:1", "custom", of(15)), /came with version 16/],
        [
            "pg_dump was built without",
            () => (0, compression_1.chooseCompression)("zstd:1", "custom", of(17, false)),
            /17\.1 .* built without zstd/,
        ],
        [
            "nothing undoes in a plain archive",
            () => (0, compression_1.chooseCompression)("lz4", "plain", of(17)),
            /Use zstd or gzip/,
        ],
    ]) {
        it(`is not one that ${title}`, () => {
            strict_1.default.throws(choose, (error) => {
                strict_1.default.ok(error instanceof failure_1.Failure && error.code === "compression-unsupported");
                strict_1.default.match(error.message, message);
                return true;
            });
        });
    }
});
describe("pg_dump's messages", () => {
    it("tell which tables its workers are busy with", () => {
        const current = new Set();
        strict_1.default.ok((0, dump_1.followTable)(current, 'pg_dump: dumping contents of table "public.a"'));
        strict_1.default.ok((0, dump_1.followTable)(current, 'pg_dump: dumping contents of table "es.b"'));
        strict_1.default.ok((0, dump_1.followTable)(current, "pg_dump: finished item 4555 TABLE DATA a"));
        strict_1.default.deepEqual([...current], ["es.b"]);
        strict_1.default.ok(!(0, dump_1.followTable)(current, "pg_dump: error: out of memory"));
    });
});
describe("the table of contents", () => {
    const entry = (table) => ({
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
        "4661; 0 16500 TABLE DATA public a postgres",
        "4662; 0 16501 TABLE DATA es two words gis owner",
    ];
    it("is searched by name, for definition and rows", () => {
        const there = [entry({}), entry({ schema: "es", name: "two\nwords", owner: "gis owner" })];
        strict_1.default.deepEqual((0, archive_1.missingFromArchive)(contents.join("\n"), there), []);
        const others = [entry({ name: "b" }), entry({ schema: "es" }), entry({ name: "a postgres" })];
        strict_1.default.deepEqual((0, archive_1.missingFromArchive)(contents.join("\n"), others), others);
    });
    it("must have the rows too, except of a partitioned table, which has none of its own", () => {
        const definition = contents.slice(0, 3).join("\n");
        strict_1.default.equal((0, archive_1.missingFromArchive)(definition, [entry({})]).length, 1);
        strict_1.default.equal((0, archive_1.missingFromArchive)(definition, [entry({ kind: "partitioned" })]).length, 0);
    });
});
