import assert from "node:assert/strict";
import { Readable } from "node:stream";
import type { Progress } from "../../../runner/lib/progress";
import { followRows } from "../../../runner/restore/fill";

describe("progress of tables that are filled", () => {
  const follow = (tables: readonly { rows: number; bytes: number }[]) => {
    let measure = () => Promise.resolve(0);
    let followed: number | undefined;
    const progress: Progress = {
      note: () => undefined,
      follow: (_, measured, total) => {
        [measure, followed] = [measured, total];
        return () => undefined;
      },
    };
    return { ...followRows(progress, tables), measured: () => measure(), total: followed };
  };

  it("is the share of rows that went by, of the size of the tables, and changes nothing of the script", async () => {
    const tables = [
      { rows: 3, bytes: 600 },
      { rows: 1, bytes: 200 },
    ];
    const { counted, measured, total } = follow(tables);
    assert.equal(total, 800);
    assert.equal(await measured(), 0);
    const script = ["COPY a FROM stdin;\n", Buffer.from("1\n2"), Buffer.from("\n3"), Buffer.from("\n\\.\n")];
    const seen: [string, number][] = [];
    for await (const piece of counted(Readable.from(script))) seen.push([String(piece), await measured()]);
    assert.deepEqual(seen, [
      ["COPY a FROM stdin;\n", 0],
      ["1\n2", 200],
      ["\n3", 400],
      ["\n\\.\n", 800],
    ]);
    for await (const piece of counted(Readable.from([Buffer.from("4\n\\.\n")]))) assert.ok(piece);
    assert.equal(await measured(), 800, "never more than all");
  });

  it("is complete at once where there is no row", async () => {
    assert.equal(await follow([{ rows: 0, bytes: 8192 }]).measured(), 8192);
  });
});
