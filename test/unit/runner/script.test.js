"use strict";
var __importDefault = (this && this.__importDefault) || function (mod) {
    return (mod && mod.__esModule) ? mod : { "default": mod };
};
Object.defineProperty(exports, "__esModule", { value: true });
const strict_1 = __importDefault(require("node:assert/strict"));
const promises_1 = require("node:fs/promises");
const node_path_1 = __importDefault(require("node:path"));
const node_zlib_1 = require("node:zlib");
const decompress_1 = require("../../../runner/postgres/decompress");
const script_1 = require("../../../runner/postgres/script");
const resources_1 = require("../../support/resources");
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
const table = (name, rows, more = {}) => ({
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
    let folder;
    beforeEach(async () => {
        folder = await (0, resources_1.temporaryFolder)();
    });
    afterEach(() => (0, resources_1.removeFolder)(folder));
    async function read(content, name = "archive.sql") {
        await (0, promises_1.writeFile)(node_path_1.default.join(folder, name), content);
        const contents = await (0, script_1.readScript)((0, decompress_1.readDecompressed)(node_path_1.default.join(folder, name), new AbortController().signal));
        return {
            complete: contents.complete,
            undefined: (0, script_1.withoutDefinition)(contents, tables).map((found) => found.name),
            wrong: (0, script_1.wrongRows)(contents, tables),
        };
    }
    const whole = { complete: true, undefined: [], wrong: [] };
    it("has every table's definition and rows, whatever the rows look like", async () => {
        strict_1.default.deepEqual(await read(archive), whole);
        strict_1.default.deepEqual(await read((0, node_zlib_1.gzipSync)(archive), "archive.sql.gz"), whole);
    });
    it("may have rows longer than what is read at once", async () => {
        strict_1.default.deepEqual(await read(archive.replace("\n1\n", `\n${"x".repeat(1_000_000)}\n`)), whole);
    });
    it("may have numbers of rows instead of rows", async () => {
        const counted = archive.replace("\n1\nCREATE TABLE public.b (\n\\\\.\n\\.\n", "\n\\. 3\n");
        strict_1.default.ok(counted.length < archive.length);
        strict_1.default.deepEqual(await read(counted), whole);
        strict_1.default.deepEqual((await read(counted.replace("\\. 3", "\\. 12"))).wrong, [
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
    ]) {
        it(`shows that it lacks ${title}`, async () => {
            strict_1.default.deepEqual(await read(content), { ...whole, ...expected });
        });
    }
    it("that ends within its rows is not complete", async () => {
        const { complete, wrong } = await read(archive.slice(0, archive.indexOf("\\\\.")));
        strict_1.default.equal(complete, false);
        strict_1.default.equal(wrong.length, 2);
    });
    it("cannot be read when its compression is cut off", async () => {
        await strict_1.default.rejects(read((0, node_zlib_1.gzipSync)(archive).subarray(0, -10), "archive.sql.gz"), /unexpected end of file/);
        await strict_1.default.rejects(read("no zstd at all", "archive.sql.zst"), /invalid zstd data/);
    });
});
