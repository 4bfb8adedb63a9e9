"use strict";
var __importDefault = (this && this.__importDefault) || function (mod) {
    return (mod && mod.__esModule) ? mod : { "default": mod };
};
Object.defineProperty(exports, "__esModule", { value: true });
const strict_1 = __importDefault(require("node:assert/strict"));
const compare_1 = require("../../../runner/compare");
const definitions = {
    indexes: ["CREATE INDEX i ON public.t USING btree (x)"],
    constraints: [{ name: "c", definition: "CHECK ((x > 0))" }],
};
const recorded = {
    ...{ schema: "public", name: "t", kind: "table", owner: "o", bytes: 0 },
    ...{ rows: 2, fingerprint: "7", invalidGeometries: 1, ...definitions },
};
const measure = { oid: "1", rows: 2, fingerprint: "7", invalidGeometries: 1 };
describe("a restored table", () => {
    it("agrees with the manifest", () => {
        strict_1.default.deepEqual((0, compare_1.compareTable)(recorded, { ...definitions, measure }), []);
    });
    it("disagrees in each thing that is recorded, with both values", () => {
        const other = {
            measure: { ...measure, fingerprint: "8", invalidGeometries: 0 },
            indexes: [],
            constraints: [{ name: "c", definition: "CHECK ((x > 1))" }],
        };
        strict_1.default.deepEqual((0, compare_1.compareTable)(recorded, other), [
            "fingerprint: 7 in the manifest, 8 restored",
            "invalid geometries: 1 in the manifest, 0 restored",
            "index CREATE INDEX i ON public.t USING btree (x): in the manifest, not restored",
            "constraint c CHECK ((x > 0)): in the manifest, not restored",
            "constraint c CHECK ((x > 1)): restored, not in the manifest",
        ]);
        strict_1.default.deepEqual((0, compare_1.compareTable)(recorded, { ...definitions, measure: { ...measure, rows: 3, fingerprint: "8" } }), ["rows: 2 in the manifest, 3 restored"]);
    });
    it("may have a definition that PostgreSQL writes with other casts, and no other", () => {
        const before = "CHECK (((s)::text = ANY ((ARRAY['a'::character varying, 'b'::character varying])::text[])))";
        const after = "CHECK (((s)::text = ANY (ARRAY[('a'::character varying)::text, ('b'::character varying)::text])))";
        strict_1.default.equal((0, compare_1.withoutCasts)(before), (0, compare_1.withoutCasts)(after));
        strict_1.default.notEqual((0, compare_1.withoutCasts)(before), (0, compare_1.withoutCasts)(after.replace("'b'", "'c'")));
        strict_1.default.equal((0, compare_1.withoutCasts)('x::numeric(10,2)::app."My Type"[] > 0'), "x > 0");
    });
});
