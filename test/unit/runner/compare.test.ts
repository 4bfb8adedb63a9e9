import assert from "node:assert/strict";
import {
  compareDefinitions,
  compareTable,
  mismatch,
  type RecordedTable,
} from "../../../runner/verify/compare";
import { withoutCasts } from "../../../runner/postgres/catalog/definitions";

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
    for (const cast of [
      '"My Type"',
      "double precision",
      "time with time zone",
      "timestamp without time zone",
      "time without time zone",
      'app."My Type"',
      "app.kind",
      "numeric(10)",
      "numeric(10,-2)",
      "numeric(30,12)",
      "bit varying(8)[][]",
    ])
      assert.equal(withoutCasts(`(x::${cast}  > 0)`), "x > 0", cast);
    assert.equal(withoutCasts(" (a) "), "a");
    assert.equal(withoutCasts('x::numeric(10,2)::app."My Type"[] > 0'), "x > 0");
  });

  it("has counts of invalid geometries compared only where both were counted", () => {
    const uncounted = { ...recorded, invalidGeometries: undefined };
    const unmeasured = { oid: "1", rows: 2, fingerprint: "7" };
    assert.deepEqual(compareTable(uncounted, { ...definitions, measure }), []);
    assert.deepEqual(compareTable(recorded, { ...definitions, measure: unmeasured }), []);
  });

  it("that is partitioned has no rows of its own", () => {
    const parent = { ...recorded, rows: 0, fingerprint: "0" };
    assert.deepEqual(compareTable(parent, { ...definitions, measure: undefined }), []);
    assert.deepEqual(compareTable(recorded, { ...definitions, measure: undefined }), [
      "rows: 2 in the manifest, 0 restored",
    ]);
  });

  it("has its indexes told apart by what they are of, one for one, and not by their names", () => {
    const of = (...indexes: string[]) => ({ indexes, constraints: [] });
    const index = (name: string, column = "x") =>
      `CREATE UNIQUE INDEX ${name} ON public.t USING btree (${column})`;
    assert.deepEqual(compareDefinitions(of(index('"I 1"')), of(index("i2"))), []);
    assert.equal(compareDefinitions(of(index("i", "x")), of(index("i", "y"))).length, 2);
    assert.equal(compareDefinitions(of(index("a"), index("b")), of(index("c"))).length, 1);
    assert.equal(compareDefinitions(of(index("a"), index("a")), of(index("a"), index("a"))).length, 0);
    assert.equal(compareDefinitions(of(index("a"), index("a"), index("a")), of(index("a"))).length, 2);
    // Another version writes other definitions; a name is not enough for two.
    const other = { sameVersion: false };
    assert.equal(compareDefinitions(of(index("i", "x")), of(index("i", "y")), other).length, 0);
    assert.equal(compareDefinitions(of(index("i", "x")), of(index("j", "y")), other).length, 2);
    // What is no index of the usual words is compared as it is.
    assert.equal(compareDefinitions(of("odd one"), of("odd two")).length, 2);
  });

  it("fails, where it is another, with what is different", () => {
    assert.equal(mismatch("rows").code, "restore-mismatch");
    assert.match(mismatch("rows").message, /not those that were backed up: rows\.$/);
  });
});
