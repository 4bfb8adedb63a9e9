import assert from "node:assert/strict";
import { batches } from "../../../runner/postgres/session/snapshot-reader";

describe("batches of queries", () => {
  const limit = 1 << 20;
  const texts = (...all: string[]) => all.map((text) => ({ text }));

  it("are one for the tables of most databases", () => {
    const queries = Array.from({ length: 1000 }, (_, table) => ({
      text: `SELECT ${table} ${"x".repeat(500)}`,
    }));
    assert.deepEqual([...batches(queries)], [queries]);
  });

  it("are more where a process cannot take all, and have every query once, in order", () => {
    const queries = Array.from({ length: 5000 }, (_, table) => ({
      text: `SELECT ${table} ${"é".repeat(250)}`,
    }));
    const found = [...batches(queries)];
    assert.deepEqual(found.flat(), queries);
    assert.ok(found.length > 1);
    for (const batch of found) assert.ok(Buffer.byteLength(batch.map(({ text }) => text).join("")) <= limit);
  });

  it("are of one query where that is as much as a process takes", () => {
    const long = "x".repeat(limit);
    const found = [...batches(texts("a", long, long, "b"))];
    assert.deepEqual(found, [texts("a"), texts(long), texts(long), texts("b")]);
    assert.deepEqual([...batches([])], []);
  });

  it("leave room for the settings of queries, which are arguments too", () => {
    const settings = { jit_above_cost: "1", work_mem: "x".repeat(limit / 2) };
    assert.equal([...batches([{ text: "a", settings }, { text: "x".repeat(limit / 2 + 1) }])].length, 2);
  });
});
