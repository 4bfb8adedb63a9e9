import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";
import { tables } from "../support/backup-fixture";
import { type BucketFixture, bucketFixture } from "../support/bucket-fixture";
import { peakMemory } from "../support/memory";
import { sql } from "../support/resources";
import { throwaways } from "../support/throwaways";

const query = "SELECT count(*), sum(hashtextextended(t::text, 0)) FROM large t";
const streamed = ["custom", "plain"] as const;

describe("an archive of one file in a bucket", function () {
  this.timeout(300_000);
  let fixture: BucketFixture;

  before(async () => {
    fixture = await bucketFixture({
      statements: tables(),
      tables: ["small", "large"],
      formats: streamed,
      query: (source) => sql(source, query),
    });
  });
  after(() => fixture.remove());
  afterEach(() => fixture.expectNoRemains());

  /** What a run costs, and how often it reads the archive. */
  async function measure(...args: string[]) {
    fixture.proxy.reads();
    const child = fixture.start(...args);
    const [memory, written, inContainers, { exitCode, stderr }] = await Promise.all([
      peakMemory(child.pid ?? 0),
      writtenToDisk(child.pid ?? 0),
      largestThrowaway(fixture.repository, child.pid ?? 0),
      child,
    ]);
    assert.equal(exitCode, 0, stderr);
    const reads = [...fixture.proxy.reads()].find(([key]) => key.includes("/archive."))?.[1];
    assert.ok(reads !== undefined);
    return { memory, written, inContainers, ...reads };
  }

  for (const [format, verified, restored] of [
    // The table of contents; the rows. Once more the definitions, of which a restore's first read is the list.
    ["custom", 2, 3],
    // All of it for the definitions, and again for the rows.
    ["plain", 1, 2],
  ] as const) {
    it(`is written to no disk on its way, and read no more often than must be: ${format}`, async () => {
      const backup = `${fixture.repository}/${format}/latest`;
      const database = await fixture.newDatabase();
      const size = await backupBytes(fixture, format);
      assert.ok(size > 40_000_000, String(size));
      const into = ["--container", fixture.target, "--database", database];
      for (const [requests, whole, ...args] of [
        [verified, 1, "verify", backup],
        [restored, format === "plain" ? 2 : 1, "restore", backup, ...into],
      ] as const) {
        const cost = await measure(...args);
        const told = JSON.stringify({ size, ...cost });
        assert.equal(cost.requests, requests, told);
        // What a reader that has enough does not take may be on its way already.
        assert.ok(cost.bytes < whole * size + 16_000_000, told);
        assert.ok(cost.memory < 150, told);
        assert.ok(cost.written < 1_000_000, told);
        assert.ok(cost.inContainers < 1_000_000, told);
      }
      assert.equal(await sql(fixture.target, query, database), fixture.expected);
    });
  }
});

async function backupBytes(fixture: BucketFixture, format: string): Promise<number> {
  const listed = await fixture.succeed(
    "list",
    "--repository",
    fixture.repository,
    "--name",
    format,
    "--json",
  );
  return (JSON.parse(listed) as { bytes: number }[])[0]?.bytes ?? 0;
}

/** Bytes that a process and those that it started gave to the disk, by what the kernel counts. */
async function writtenToDisk(pid: number): Promise<number> {
  const counted = new Map<string, number>();
  for (;;) {
    const children = await readFile(`/proc/${pid}/task/${pid}/children`, "utf8").catch(() => undefined);
    if (children === undefined) return [...counted.values()].reduce((sum, bytes) => sum + bytes, 0);
    for (const each of [String(pid), ...children.trim().split(" ")]) {
      const io = await readFile(`/proc/${each}/io`, "utf8").catch(() => "");
      const bytes = /^write_bytes: (\d+)$/m.exec(io)?.[1];
      if (bytes !== undefined) counted.set(each, Number(bytes));
    }
    await sleep(50);
  }
}

/** The most that any throwaway container for these backups had on its disk while the process ran. */
async function largestThrowaway(repository: string, pid: number): Promise<number> {
  let largest = 0;
  while (await readFile(`/proc/${pid}/stat`).catch(() => undefined)) {
    for (const name of await throwaways(repository)) {
      const inspect = ["container", "inspect", "--size", "--format", "{{.SizeRw}}", name];
      const { stdout } = await execa("docker", inspect, { reject: false });
      largest = Math.max(largest, Number(stdout) || 0);
    }
    await sleep(200);
  }
  return largest;
}
