import assert from "node:assert/strict";
import { dealOut } from "../../../runner/backup/unchanged";
import { pageRanges } from "../../../runner/postgres/archive/ranges";
import { measureQuery, type TableQuery } from "../../../runner/postgres/catalog/fingerprint";

describe("tables that are compared by several sessions", () => {
  const table = (oid: string, ranges?: number): TableQuery => ({
    ...{ oid, query: `SELECT ${oid}`, source: " FROM t", ending: "" },
    ranges: ranges === undefined ? undefined : pageRanges(ranges, 1),
  });
  /** For each part, the table, the first range and the number of ranges of each query. */
  function dealt(tables: TableQuery[], parts: number, bytes: Record<string, number>) {
    return dealOut(tables, parts, ({ oid }) => bytes[oid] ?? 0).map((queries) =>
      queries.map(({ oid, first, text }) => [oid, first, text.match(/::tid, /g)?.length ?? 0]),
    );
  }

  it("are read by one session each, where that takes as long", () => {
    const tables = [table("1", 4), table("2", 4)];
    assert.deepEqual(dealt(tables, 2, { 1: 100, 2: 100 }), [[["1", 0, 4]], [["2", 0, 4]]]);
  });

  it("are divided where the sessions would not be done at once, and have every range once", () => {
    const tables = [table("1", 8), table("2"), table("3", 2)];
    assert.deepEqual(dealt(tables, 3, { 1: 800, 2: 100, 3: 300 }), [
      [["1", 0, 4]],
      [["1", 4, 4]],
      [
        ["2", 0, 0],
        ["3", 0, 2],
      ],
    ]);
  });

  it("leave sessions without work where there are too few", () => {
    assert.deepEqual(dealt([table("1")], 4, { 1: 5 }), [[["1", 0, 0]]]);
  });

  it("are measured in one query, whose first range begins with the first page, and whose last has no end", () => {
    const { text } = measureQuery(table("1", 3));
    assert.match(
      text,
      /\(0, '\(0,0\)'::tid, '\(1,0\)'::tid\), \(1, .*\), \(2, '\(2,0\)'::tid, '\(4294967295,0\)'::tid\)\)/,
    );
    assert.match(measureQuery(table("1", 3), 1, 2).text, /VALUES \(0, '\(1,0\)'::tid, '\(2,0\)'::tid\)\)/);
  });
});
