import assert from "node:assert/strict";
import { batches } from "../../../runner/postgres/session/snapshot-reader";

describe("batches of queries", () => {
  const limit = 1 << 20;

  it("are one for the tables of most databases", () => {
    const queries = Array.from({ length: 1000 }, (_, table) => `SELECT ${table} ${"x".repeat(500)}`);
    assert.deepEqual([...batches(queries)], [queries]);
  });

  it("are more where a process cannot take all, and have every query once, in order", () => {
    const queries = Array.from({ length: 5000 }, (_, table) => `SELECT ${table} ${"é".repeat(250)}`);
    const found = [...batches(queries)];
    assert.deepEqual(found.flat(), queries);
    assert.ok(found.length > 1);
    for (const batch of found) assert.ok(Buffer.byteLength(batch.join("")) <= limit);
  });

  it("are of one query where that is as much as a process takes", () => {
    const long = "x".repeat(limit);
    assert.deepEqual([...batches(["a", long, long, "b"])], [["a"], [long], [long], ["b"]]);
    assert.deepEqual([...batches([])], []);
  });
});
