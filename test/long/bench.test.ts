import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { execa } from "execa";
import { parallelDump } from "../../bench/cases/backup";
import { nightlyContenders } from "../../bench/cases/nightly";
import { pgBackRestContenders } from "../../bench/cases/pgbackrest";
import { lastResult } from "../../bench/pages";
import { type BenchResult, changedBytes, medianOf } from "../../bench/result";
import type { GroupResult } from "../../bench/rounds";
import { cache, root } from "../../setup/paths";
import { removeFolder, temporaryFolder, testLabel } from "../support/resources";

describe("the bench", function () {
  this.timeout(600_000);
  let output: string;

  before(async () => {
    output = await temporaryFolder();
  });
  after(() => removeFolder(output));

  function start(more: Readonly<Record<string, string>> = {}) {
    const env = { SCALE: "2000", ROUNDS: "1", SMALL_TABLES: "5", OUTPUT: output, ...more };
    const args = ["--require", "ts-node/register/transpile-only", path.join("bench", "main.ts")];
    return execa("node", args, { cwd: root, env, reject: false, all: true });
  }

  async function assertNothingLeft(pid: number | undefined): Promise<void> {
    const label = `label=${testLabel}=${pid ?? 0}`;
    for (const kind of ["container", "volume"])
      assert.equal(
        (await execa("docker", [kind, "ls", "--quiet", "--filter", label])).stdout,
        "",
        `a ${kind} is left`,
      );
    assert.ok(!existsSync(path.join(cache, "bench", String(pid))), "its folder is left");
  }

  it("leaves nothing when it is interrupted, and writes no report", async () => {
    const running = start();
    for await (const line of running.iterable({ from: "stderr" }))
      if (line.startsWith("backup, round 1")) running.kill("SIGINT");
    const { exitCode, stderr } = await running;
    assert.equal(exitCode, 1, stderr);
    assert.match(stderr, /error: interrupted by SIGINT; nothing was written$/);
    assert.ok(!existsSync(path.join(output, "performance.json")));
    await assertNothingLeft(running.pid);
  });

  it("measures every contender, and leaves nothing but its report", async () => {
    const running = start();
    const { exitCode, all } = await running;
    assert.equal(exitCode, 0, all);
    await assertNothingLeft(running.pid);
    const text = await readFile(path.join(output, "performance.json"), "utf8");
    const { groups, sample, nightly } = JSON.parse(text) as BenchResult;
    assert.equal(sample.rows, 2000);
    assert.equal(nightly?.rows, 2000);
    for (const [name, group] of [...Object.entries(groups), ...Object.entries(nightly.groups)])
      for (const [contender, { measurements }] of Object.entries(group)) {
        const [only, ...more] = measurements;
        assert.ok(only !== undefined && more.length === 0 && only.seconds > 0, `${name}: ${contender}`);
        if (name === "backup" && contender !== "COPY to /dev/null")
          assert.ok(only.outputBytes > 10_000, `${contender} made ${only.outputBytes} bytes`);
      }
    const byHand = groups.backup["by hand"]?.measurements[0];
    assert.ok(byHand !== undefined && byHand.containerBytes >= byHand.outputBytes);
    const report = await readFile(path.join(output, "performance.md"), "utf8");
    assert.doesNotMatch(report, /NaN|undefined/);
    for (const [, file = ""] of report.matchAll(/\]\((performance-\w+\.svg)\)/g))
      assert.ok(existsSync(path.join(output, file)), file);
  });

  it("measures nightly backups alone, which share what did not change, and keeps the other figures", async () => {
    const running = start({ ONLY: "nightly", SCALE: "30000" });
    const { exitCode, all } = await running;
    assert.equal(exitCode, 0, all);
    await assertNothingLeft(running.pid);
    const text = await readFile(path.join(output, "performance.json"), "utf8");
    const { nightly, ...others } = JSON.parse(text) as BenchResult;
    const { nightly: before, ...kept } = lastResult();
    assert.deepEqual(others, kept);
    assert.notDeepEqual(nightly, before);
    assert.ok(nightly !== undefined);
    assert.deepEqual([nightly.rows, nightly.changedRows], [30_000, 300]);
    const { tenTables, oneTable, pgBackRest } = nightly.groups;
    const written = (group: GroupResult, contender: string) => medianOf(group, contender, "outputBytes");
    const bare = parallelDump(nightly.jobs);
    for (const group of [tenTables, oneTable]) {
      const unchanged = written(group, nightlyContenders.unchanged);
      assert.ok(unchanged > 0 && unchanged < written(group, bare) / 20, `${unchanged} bytes were written`);
    }
    // Else the tables did not change, or all of them did.
    for (const changed of [nightlyContenders.grown, nightlyContenders.updated]) {
      const bytes = written(tenTables, changed);
      assert.ok(bytes > written(tenTables, nightlyContenders.unchanged) + changedBytes(nightly) / 2, changed);
      assert.ok(bytes < written(tenTables, bare) / 5, `${changed}: ${bytes} bytes were written`);
    }
    if (pgBackRest === undefined) assert.match(nightly.pgBackRest, /could not be installed/);
    else
      assert.ok(
        written(pgBackRest, pgBackRestContenders.full) >
          10 * written(pgBackRest, pgBackRestContenders.unchanged),
      );
  });
});
