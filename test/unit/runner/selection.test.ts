import assert from "node:assert/strict";
import type { Relation } from "../../../runner/postgres/catalog/catalog";
import { type Selection, selectTables } from "../../../runner/postgres/catalog/select-tables";
import type { MissingReferences } from "../../../runner/request";
import {
  isExact,
  matches,
  matchesFolded,
  parseTablePattern,
} from "../../../runner/postgres/catalog/selection";

function relation(schema: string, name: string, more: Partial<Relation> = {}): Relation {
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

const found = (text: string, schema: string, name: string, visible = schema === "public") =>
  matches(parseTablePattern(text), { schema, name, visible });

describe("names of tables", () => {
  it("are exact and case-sensitive", () => {
    assert.ok(found("roi2020_S2_signatures", "public", "roi2020_S2_signatures"));
    assert.ok(!found("roi2020_s2_signatures", "public", "roi2020_S2_signatures"));
    assert.ok(!found("roi2020_S2", "public", "roi2020_S2_signatures"));
  });

  it("are exact where neither part has a wildcard outside of quotes", () => {
    const exact = (text: string) => isExact(parseTablePattern(text));
    for (const text of ["a", "s.a", '"a*"', 's."a?"']) assert.ok(exact(text), text);
    for (const text of ["a*", "s.a?", "s*.a", "*.*"]) assert.ok(!exact(text), text);
    assert.ok(found("s.a", "s", "a") && !found("s.a", "s", "A*"));
  });

  it("are near to names that differ in upper and lower case only", () => {
    const folded = (text: string, name: string) => matchesFolded(parseTablePattern(text), name);
    assert.ok(folded("Roi", "rOI") && folded('"x""Y"', 'X"y') && folded("ROI*", "roi_1"));
    assert.ok(!folded("roi", "roi_1") && !folded("ROI?", "roi_1"));
  });

  it("without a schema mean what the search path finds", () => {
    assert.ok(!found("parcels_2020", "es", "parcels_2020"));
    assert.ok(found("es.parcels_2020", "es", "parcels_2020"));
    assert.ok(!found("nl.parcels_2020", "es", "parcels_2020"));
  });

  it("take * and ? as wildcards, and no other character", () => {
    assert.ok(found("roi*_signatures", "public", "roi2020_S2_signatures"));
    assert.ok(found("parcels_202?", "public", "parcels_2020"));
    assert.ok(!found("parcels_202?", "public", "parcels_202"));
    assert.ok(!found("a.b", "public", "axb"));
    assert.ok(!found("a+", "public", "aa"));
    assert.ok(found("a$b|*", "public", "a$b|c\nd"));
    assert.ok(found("*.parcels_*", "es", "parcels_2020"));
  });

  it("in double quotes lose every special meaning", () => {
    assert.ok(found('"ES"."Parcel Set"', "ES", "Parcel Set"));
    assert.ok(found('"a.b"', "public", "a.b"));
    assert.ok(found('"say ""hi"""', "public", 'say "hi"'));
    assert.ok(!found('"a*"', "public", "ab"));
    assert.ok(found("naïve", "public", "naïve"));
  });

  for (const text of ["a.b.c", '"a', 'a"b', ".a", "a."]) {
    it(`are refused when malformed: ${text}`, () => {
      assert.throws(() => parseTablePattern(text), /is not a table name/);
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
  const choose = (
    tables: string[],
    excludeTables: string[] = [],
    missingReferences: MissingReferences = "fail",
  ): Selection => selectTables(catalog, { tables, excludeTables, missingReferences }, 'database "gis"');
  const select = (...args: Parameters<typeof choose>) => choose(...args).tables.map(({ oid }) => oid);

  it("takes partitions with their parent", () => {
    assert.deepEqual(select(["parted"]), ["public.parted", "public.part_1", "public.part_2"]);
    assert.deepEqual(select(["parted"], ["part_1"]), ["public.parted", "public.part_2"]);
    assert.deepEqual(select(["*"], ["parted"]), ["public.dias_catalogue", "public.roi2020_S2_signatures"]);
  });

  it("leaves tables of extensions to the extension", () => {
    assert.ok(!select(["*"]).includes("public.spatial_ref_sys"));
    assert.throws(() => select(["spatial_ref_sys"]), /belongs to the extension postgis/);
  });

  it("reports every name that means no table, with near misses", () => {
    assert.throws(
      () => select(["dias_catalogue", "ROI2020_s2_signatures", "parcels_2020", "summary", "nothing*"]),
      (error: Error) => {
        const lines = error.message.split("\n");
        assert.equal(lines.length, 4);
        assert.match(lines[0] ?? "", /Did you mean public\."roi2020_S2_signatures"\?/);
        assert.match(lines[1] ?? "", /"parcels_2020".*Did you mean es\.parcels_2020/);
        assert.match(lines[2] ?? "", /is a materialized view/);
        assert.match(lines[3] ?? "", /"nothing\*"/);
        return true;
      },
    );
  });

  it("refuses to back up nothing", () => {
    assert.throws(() => select(["parted"], ["part*"]), /nothing is left to back up/);
  });
});
