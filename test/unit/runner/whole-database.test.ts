import assert from "node:assert/strict";
import { compareObjects } from "../../../runner/postgres/catalog/database-objects";
import { AgentConfig, backupOf, BackupRequest } from "../../../runner/request";

const object = (kind: string, name: string, definition = "d") => ({ kind, name, definition });
const same = { sameVersion: true };
const sequence = (value: string) => [object("value of a sequence", "s", value)];

describe("the objects of a restored database", () => {
  it("are those of the backup, whatever their order", () => {
    const [a, b] = [object("function", "f()"), object("relation", "t")];
    assert.deepEqual(compareObjects([a, b], [b, a], same), { missing: [], changed: [] });
  });

  it("are missed one by one, and told apart by their kind", () => {
    const { missing, changed } = compareObjects([object("relation", "x")], [object("function", "x")], same);
    assert.deepEqual([missing, changed], [["relation x is missing"], ["function x is not in the backup"]]);
  });

  it("have the same definitions in the same version of PostgreSQL only", () => {
    const [before, after] = [[object("relation", "v", "1")], [object("relation", "v", "2")]];
    assert.deepEqual(compareObjects(before, after, same), { missing: [], changed: ["relation v differs"] });
    assert.deepEqual(compareObjects(before, after, { sameVersion: false }), { missing: [], changed: [] });
  });

  it("have the same content in every version", () => {
    const content = (digest: string) => [object("content of a large object", "4711", digest)];
    const { missing } = compareObjects(content("1"), content("2"), { sameVersion: false });
    assert.deepEqual(missing, ["content of a large object 4711 differs"]);
  });

  for (const [recorded, found, isBehind] of [
    ["8 3", "8 3", false],
    ["8 3", "11 3", false],
    ["8 3", "5 3", true],
    ["8 3", " 3", true],
    [" 3", "8 3", false],
    ["-8 -1", "-9 -1", false],
    ["-8 -1", "-7 -1", true],
    ["9223372036854775807 1", "9223372036854775806 1", true],
  ] as const)
    it(`have sequences that ${isBehind ? "would repeat" : "do not repeat"} values: "${recorded}", then "${found}"`, () => {
      const { missing } = compareObjects(sequence(recorded), sequence(found), same);
      assert.equal(missing.length, isBehind ? 1 : 0);
    });
});

describe("a request for a whole database", () => {
  const request = { container: "c", database: "d", repository: "./b", name: "n" };
  const problems = (more: object) =>
    BackupRequest.safeParse({ ...request, ...more }).error?.issues.map(
      ({ path, message }) => `${path.join(".")} ${message}`,
    ) ?? [];

  it("names no table, and one for tables does", () => {
    assert.deepEqual(problems({ all: true }), []);
    assert.deepEqual(problems({ tables: ["t"] }), []);
    assert.deepEqual(problems({}), ["tables must name at least one table"]);
    assert.deepEqual(problems({ all: true, tables: ["t"] }), [
      "tables has no meaning in a backup of the whole database",
    ]);
  });

  it("leaves out schemas and rows, which one for tables does not", () => {
    const left = { excludeSchemas: ["s"], excludeTableData: ["t"] };
    assert.deepEqual(problems({ all: true, ...left }), []);
    assert.deepEqual(
      problems({ tables: ["t"], ...left }),
      ["excludeTableData", "excludeSchemas"].map(
        (key) => `${key} has a meaning for a backup of the whole database only`,
      ),
    );
  });

  it("shares rows in a folder, and in a bucket where the directory format is named", () => {
    const inBucket = { all: true, fullEvery: "7d", repository: "s3://bucket/p" };
    assert.deepEqual(problems({ all: true, fullEvery: "7d" }), []);
    assert.deepEqual(problems({ ...inBucket, format: "directory" }), []);
    assert.match(problems(inBucket).join(), /^fullEvery has no effect here/);
  });
});

describe("a job of the agent", () => {
  const job = { name: "j", source: { container: "c" }, schedule: "0 2 * * *" };
  const read = (more: object) => AgentConfig.safeParse({ repository: "/b", jobs: [{ ...job, ...more }] });

  it("backs up tables or the whole database", () => {
    const { data } = read({ all: true, excludeSchemas: ["s"] });
    assert.ok(data?.jobs[0]);
    const request = BackupRequest.parse(backupOf(data, data.jobs[0], "c"));
    assert.deepEqual([request.all, request.tables, request.excludeSchemas], [true, [], ["s"]]);
    const says = (more: object) =>
      read(more).error?.issues.map(({ path, message }) => `${path.join(".")} ${message}`);
    assert.deepEqual(says({}), ["jobs.0.tables must name at least one table"]);
    assert.deepEqual(says({ all: true, tables: ["t"] }), [
      "jobs.0.tables has no meaning in a backup of the whole database",
    ]);
  });
});
