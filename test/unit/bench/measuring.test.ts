import assert from "node:assert/strict";
import { commandLine } from "../../../bench/command-line";
import { fieldOf, groupPath } from "../../../bench/control-group";
import { childrenSeconds } from "../../../bench/host-usage";
import { readOptions } from "../../../bench/options";
import { measureGroup } from "../../../bench/rounds";
import { summarize } from "../../../bench/statistics";
import type { Way } from "../../../bench/way";
import { runnerMain } from "../../support/runner";
import { measurementOf } from "./sample";

describe("the bench", () => {
  it("summarizes odd and even numbers of values by number, not by text", () => {
    assert.deepEqual(summarize([10, 9, 100]), { median: 10, least: 9, most: 100 });
    assert.deepEqual(summarize([4, 1, 2, 10]), { median: 3, least: 1, most: 10 });
    assert.throws(() => summarize([]), /nothing/);
  });

  it("measures the ways of a group in turns, after an unmeasured run of the first", async () => {
    const order: string[] = [];
    const ways: Way[] = ["a", "b"].map((name) => ({ name, commands: [{ file: name, args: [] }] }));
    const result = await measureGroup(
      { name: "group", ways },
      {
        rounds: 2,
        measure: ({ name }) => Promise.resolve(measurementOf(order.push(name))),
        describe: ({ file }) => `run ${file}`,
        note: () => undefined,
      },
    );
    assert.equal(order.join(""), "aabab");
    assert.deepEqual(
      result["b"]?.measurements.map(({ seconds }) => seconds),
      [3, 5],
    );
    assert.deepEqual(result["a"]?.commands, ["run a"]);
  });

  it("takes its options from the environment, and whole numbers alone", () => {
    const { scale, rounds, smallTables } = readOptions({ SCALE: "5", ROUNDS: "" });
    assert.deepEqual([scale, rounds, smallTables], [5, 3, 1000]);
    assert.throws(() => readOptions({ ROUNDS: "2.5" }), /ROUNDS must be a whole number/);
  });

  it("finds the control group of a process in both versions", () => {
    const first = "12:memory:/docker/a\n4:cpu,cpuacct:/docker/b\n0::/system\n";
    assert.equal(groupPath(first, "memory"), "/docker/a");
    assert.equal(groupPath(first, "cpuacct"), "/docker/b");
    const second = "0::/system.slice/docker-a.scope\n";
    assert.equal(groupPath(second, "memory"), undefined);
    assert.equal(groupPath(second, ""), "/system.slice/docker-a.scope");
  });

  it("reads counters of the kernel by their whole names", () => {
    assert.equal(fieldOf("total_active_anon 1\nactive_anon_more 2\nactive_anon 3\n", "active_anon"), 3);
    assert.throws(() => fieldOf("anon 1", "active_anon"), /no active_anon/);
    // Fields 16 and 17 of /proc/PID/stat, counted after a name with blanks and brackets.
    const stat = "7 (a (b) c) S 1 2 3 4 5 6 7 8 9 10 11 12 150 250 20 0";
    assert.equal(childrenSeconds(stat), 4);
  });

  it("prints commands with plain names, as they could be typed", () => {
    const scene = { container: "pgb-test-1", sidecar: "pgb-test-2", folder: "/cache/bench/7" };
    const dump = ["exec", "pgb-test-1", "pg_dump", "--compress=zstd:1", "-t", 'public."A b"'];
    assert.equal(
      commandLine({ file: "docker", args: dump }, scene),
      `docker exec pg_spat pg_dump --compress=zstd:1 -t 'public."A b"'`,
    );
    const args = [runnerMain, "backup", "--repository", "/cache/bench/7/output"];
    assert.equal(
      commandLine({ file: process.execPath, args }, scene),
      "postgis-backup backup --repository /srv/bench/output",
    );
  });
});
