import assert from "node:assert/strict";
import { compareTable, type RecordedTable, withoutCasts } from "../../../runner/compare";

const definitions = {
  indexes: ["CREATE INDEX i ON public.t USING btree (x)"],
  constraints: [{ name: "c", definition: "CHECK ((x > 0))" }],
};
const recorded: RecordedTable = {
  ...{ schema: "public", name: "t", kind: "table", owner: "o", bytes: 0 },
  ...{ rows: 2, fingerprint: "7", invalidGeometries: 1, ...definitions },
};
const measure = { oid: "1", rows: 2, fingerprint: "7", invalidGeometries: 1 };

describe("a restored table", () => {
  it("agrees with the manifest", () => {
    assert.deepEqual(compareTable(recorded, { ...definitions, measure }), []);
  });

  it("disagrees in each thing that is recorded, with both values", () => {
    const other = {
      measure: { ...measure, fingerprint: "8", invalidGeometries: 0 },
      indexes: [],
      constraints: [{ name: "c", definition: "CHECK ((x > 1))" }],
    };
    assert.deepEqual(compareTable(recorded, other), [
      "fingerprint: 7 in the manifest, 8 restored",
      "invalid geometries: 1 in the manifest, 0 restored",
      "index CREATE INDEX i ON public.t USING btree (x): in the manifest, not restored",
      "constraint c CHECK ((x > 0)): in the manifest, not restored",
      "constraint c CHECK ((x > 1)): restored, not in the manifest",
    ]);
    assert.deepEqual(
      compareTable(recorded, { ...definitions, measure: { ...measure, rows: 3, fingerprint: "8" } }),
      ["rows: 2 in the manifest, 3 restored"],
    );
  });

  it("may have a definition that PostgreSQL writes with other casts, and no other", () => {
    const before =
      "CHECK (((s)::text = ANY ((ARRAY['a'::character varying, 'b'::character varying])::text[])))";
    const after =
      "CHECK (((s)::text = ANY (ARRAY[('a'::character varying)::text, ('b'::character varying)::text])))";
    assert.equal(withoutCasts(before), withoutCasts(after));
    assert.notEqual(withoutCasts(before), withoutCasts(after.replace("'b'", "'c'")));
    assert.equal(withoutCasts('x::numeric(10,2)::app."My Type"[] > 0'), "x > 0");
  });
});
