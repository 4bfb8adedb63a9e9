"use strict";
var __importDefault = (this && this.__importDefault) || function (mod) {
    return (mod && mod.__esModule) ? mod : { "default": mod };
};
Object.defineProperty(exports, "__esModule", { value: true });
const strict_1 = __importDefault(require("node:assert/strict"));
const select_tables_1 = require("../../../runner/postgres/select-tables");
const selection_1 = require("../../../runner/postgres/selection");
function relation(schema, name, more = {}) {
    return {
        oid: `${schema}.${name}`,
        schema,
        name,
        sqlName: `${schema}.${name}`,
        kind: "r",
        visible: schema === "public",
        partOf: [],
        references: [],
        bytes: 0,
        owner: "postgres",
        extension: null,
        ...more,
    };
}
const found = (text, schema, name, visible = schema === "public") => (0, selection_1.matches)((0, selection_1.parseTablePattern)(text), { schema, name, visible });
describe("names of tables", () => {
    it("are exact and case-sensitive", () => {
        strict_1.default.ok(found("roi2020_S2_signatures", "public", "roi2020_S2_signatures"));
        strict_1.default.ok(!found("roi2020_s2_signatures", "public", "roi2020_S2_signatures"));
        strict_1.default.ok(!found("roi2020_S2", "public", "roi2020_S2_signatures"));
    });
    it("without a schema mean what the search path finds", () => {
        strict_1.default.ok(!found("parcels_2020", "es", "parcels_2020"));
        strict_1.default.ok(found("es.parcels_2020", "es", "parcels_2020"));
        strict_1.default.ok(!found("nl.parcels_2020", "es", "parcels_2020"));
    });
    it("take * and ? as wildcards, and no other character", () => {
        strict_1.default.ok(found("roi*_signatures", "public", "roi2020_S2_signatures"));
        strict_1.default.ok(found("parcels_202?", "public", "parcels_2020"));
        strict_1.default.ok(!found("parcels_202?", "public", "parcels_202"));
        strict_1.default.ok(!found("a.b", "public", "axb"));
        strict_1.default.ok(!found("a+", "public", "aa"));
        strict_1.default.ok(found("a$b|*", "public", "a$b|c\nd"));
        strict_1.default.ok(found("*.parcels_*", "es", "parcels_2020"));
    });
    it("in double quotes lose every special meaning", () => {
        strict_1.default.ok(found('"ES"."Parcel Set"', "ES", "Parcel Set"));
        strict_1.default.ok(found('"a.b"', "public", "a.b"));
        strict_1.default.ok(found('"say ""hi"""', "public", 'say "hi"'));
        strict_1.default.ok(!found('"a*"', "public", "ab"));
        strict_1.default.ok(found("naïve", "public", "naïve"));
    });
    for (const text of ["a.b.c", '"a', 'a"b', ".a", "a."]) {
        it(`are refused when malformed: ${text}`, () => {
            strict_1.default.throws(() => (0, selection_1.parseTablePattern)(text), /is not a table name/);
        });
    }
});
describe("the selection of tables", () => {
    const catalog = [
        relation("es", "parcels_2020"),
        relation("public", "dias_catalogue"),
        relation("public", "parted", { kind: "p" }),
        relation("public", "part_1", { partOf: ["public.parted"] }),
        relation("public", "part_2", { partOf: ["public.parted"] }),
        relation("public", "roi2020_S2_signatures", { sqlName: 'public."roi2020_S2_signatures"' }),
        relation("public", "spatial_ref_sys", { extension: "postgis" }),
        relation("public", "summary", { kind: "m" }),
    ];
    const choose = (tables, excludeTables = [], references = "fail") => (0, select_tables_1.selectTables)(catalog, { tables, excludeTables, references });
    const select = (...args) => choose(...args).tables.map(({ oid }) => oid);
    it("takes partitions with their parent", () => {
        strict_1.default.deepEqual(select(["parted"]), ["public.parted", "public.part_1", "public.part_2"]);
        strict_1.default.deepEqual(select(["parted"], ["part_1"]), ["public.parted", "public.part_2"]);
        strict_1.default.deepEqual(select(["*"], ["parted"]), ["public.dias_catalogue", "public.roi2020_S2_signatures"]);
    });
    it("leaves tables of extensions to the extension", () => {
        strict_1.default.ok(!select(["*"]).includes("public.spatial_ref_sys"));
        strict_1.default.throws(() => select(["spatial_ref_sys"]), /belongs to the extension postgis/);
    });
    it("reports every name that means no table, with near misses", () => {
        strict_1.default.throws(() => select(["dias_catalogue", "ROI2020_s2_signatures", "parcels_2020", "summary", "nothing*"]), (error) => {
            const lines = error.message.split("\n");
            strict_1.default.equal(lines.length, 4);
            strict_1.default.match(lines[0] ?? "", /Did you mean public\."roi2020_S2_signatures"\?/);
            strict_1.default.match(lines[1] ?? "", /"parcels_2020".*Did you mean es\.parcels_2020/);
            strict_1.default.match(lines[2] ?? "", /is a materialized view/);
            strict_1.default.match(lines[3] ?? "", /"nothing\*"/);
            return true;
        });
    });
    it("refuses to back up nothing", () => {
        strict_1.default.throws(() => select(["parted"], ["part*"]), /nothing is left to back up/);
    });
});
