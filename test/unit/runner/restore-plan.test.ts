import assert from "node:assert/strict";
import { compareDefinitions } from "../../../runner/verify/compare";
import type { TocEntry } from "../../../runner/postgres/archive/toc";
import { inTransactions } from "../../../runner/restore/load";
import { groupBySize } from "../../../runner/lib/concurrency";
import { namesBarely } from "../../../runner/postgres/catalog/unqualified";
import { sortEntries } from "../../../runner/restore/scratch";

const entry = (
  id: number,
  kind: string,
  section: TocEntry["section"],
  more: Partial<TocEntry>,
): TocEntry => ({
  ...{ id, kind, section, object: "0 0", name: "", definition: "", schema: "", tablespace: "" },
  ...{ accessMethod: "", owner: "", needs: [], ...more },
});

describe("what a restore plans", () => {
  it("takes an entry that is no object with what it needs, and in its section", () => {
    const entries = [
      entry(1, "SEARCHPATH", "pre-data", {}),
      entry(2, "TABLE", "pre-data", { object: "1259 10" }),
      entry(3, "TABLE", "pre-data", { object: "1259 11" }),
      entry(4, "TABLE DATA", "data", { object: "0 10", needs: [2] }),
      entry(5, "INDEX", "post-data", { object: "1259 12", needs: [2] }),
      entry(6, "COMMENT", "none", { needs: [5] }),
      entry(7, "COMMENT", "none", { needs: [3] }),
      entry(8, "ACL", "none", { needs: [2] }),
      entry(9, "TABLE ATTACH", "pre-data", { needs: [2, 3] }),
    ];
    assert.deepEqual(sortEntries(entries, new Set(["1259 10", "0 10", "1259 12"])), {
      preData: [1, 2],
      rows: [1, 4],
      sequenceValues: [1],
      postData: [1, 5, 6],
      rights: [1, 8],
    });
  });

  it("records the statements of so many entries in the transaction that runs them", async () => {
    const name = (text: string) =>
      `-- Name: ${text}; Type: TABLE; Schema: public; Owner: o\nCREATE TABLE ${text} ();\n`;
    const script = `\\restrict x\nSET a = 1;\n${name("a")}${name("b")}${name("c")}-- PostgreSQL database dump complete\n`;
    const read = async (text: string) => {
      let all = "";
      const chunks = (async function* () {
        yield await Promise.resolve(Buffer.from(text));
      })();
      for await (const piece of inTransactions(chunks, "record;", 2)) all += piece;
      return all;
    };
    assert.equal(
      await read(script),
      `SET a = 1;\nBEGIN;\n${name("a")}${name("b")}record;\nCOMMIT;\nBEGIN;\n${name("c")}record;\nCOMMIT;\n-- PostgreSQL database dump complete\n`,
    );
    await assert.rejects(read(script.replace(/-- PostgreSQL.*/, "")), /cut off/);
  });

  it("tells a name without a schema from one that has one", () => {
    const names = new Set(["st_area"]);
    for (const text of ["SELECT ST_Area($1)", 'BEGIN RETURN "st_area"(g); END'])
      assert.equal(namesBarely(text, names), true, text);
    for (const text of ["SELECT public.ST_Area($1)", "SELECT st_area.x", "SELECT my_st_area(1)"])
      assert.equal(namesBarely(text, names), false, text);
  });

  it("reads small tables by one process, and large ones each by its own", () => {
    const groups = groupBySize([2 ** 30, 1, 2, 2 ** 30], (bytes) => bytes);
    assert.deepEqual(groups, [[1, 2], [2 ** 30], [2 ** 30]]);
  });

  it("lets names differ that the server chooses, one for one, and nothing else", () => {
    const of = (...constraints: [string, string][]) => ({
      indexes: [],
      constraints: constraints.map(([name, definition]) => ({ name, definition })),
    });
    assert.deepEqual(compareDefinitions(of(["a_fkey2", "FK x"]), of(["a_fkey1", "FK x"])), []);
    assert.equal(compareDefinitions(of(["a", "FK x"], ["b", "FK x"]), of(["a", "FK x"])).length, 1);
    assert.equal(compareDefinitions(of(["a", "FK x"]), of(["a", "FK y"])).length, 2);
    assert.equal(compareDefinitions(of(["a", "FK x"]), of(["a", "FK y"]), { sameVersion: false }).length, 0);
  });
});
