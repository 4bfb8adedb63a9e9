import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { readdir, readFile, readlink, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { execa } from "execa";
import { Manifest } from "../../runner/repository/manifest";
import { totalBytes } from "../../runner/lib/format";
import type { PruneResult } from "../../runner/prune/index";
import { BackupResult } from "../../runner/request";
import { startServer } from "../support/container";
import { removeContainer, removeFolder, sql, temporaryFolder } from "../support/resources";
import { runnerMain, runRunner } from "../support/runner";
import { redate } from "../support/sample-backups";
import { backupId } from "../../runner/repository/backup-id";

const day = 24 * 60 * 60 * 1000;
const daysAgo = (days: number) => backupId(new Date(Date.now() - days * day));

describe("retention of backups", function () {
  this.timeout(120_000);
  let container: string;
  let repository: string;
  let count = 0;
  let name: string;
  const nameFolder = (...below: string[]) => path.join(repository, name, ...below);

  before(async () => {
    repository = await temporaryFolder();
    container = await startServer({ mount: repository });
    await sql(
      container,
      `CREATE TABLE parcel_set AS SELECT g AS ogc_fid, md5(g::text) AS crop FROM generate_series(1, 20000) g;
       CREATE TABLE dias_catalogue AS SELECT 1 AS id;`,
    );
  });
  after(async () => {
    await removeContainer(container);
    await removeFolder(repository);
  });
  beforeEach(() => {
    name = `name${count++}`;
  });

  const tables = ["--table", "parcel_set", "--table", "dias_catalogue"];
  const run = (verb: string, ...more: string[]) =>
    runRunner([verb, "--repository", repository, "--name", name, ...more]);

  async function backup(...more: string[]): Promise<BackupResult & { stderr: string }> {
    const chosen = more.includes("--table") ? [] : tables;
    const { exitCode, stdout, stderr } = await run(
      "backup",
      "--container",
      container,
      ...chosen,
      "--json",
      ...more,
    );
    assert.equal(exitCode, 0, stderr);
    return { ...BackupResult.parse(JSON.parse(stdout)), stderr };
  }

  /** A real backup, as if it had been taken some days ago; its id. */
  async function backupOf(days: number, ...more: string[]): Promise<string> {
    const { backupId: id } = await backup(...more);
    const dated = daysAgo(days);
    await redate(nameFolder(), id, dated);
    return dated;
  }

  const backups = async () => (await readdir(nameFolder())).filter((entry) => entry !== "latest").sort();

  it("lists what there is, with what is known of it, and what is wrong with it", async () => {
    const damaged = await backupOf(40);
    await rm(nameFolder(damaged, "manifest.json"));
    const kept = await backupOf(2, "--format", "custom");
    const { backupId: latest } = await backup();
    assert.equal((await run("keep", kept)).exitCode, 0);

    const { exitCode, stdout, stderr } = await run("list");
    assert.equal(exitCode, 0);
    const lines = stdout.split("\n");
    assert.match(
      lines[0] ?? "",
      /^NAME +ID +AGE +DATABASE +SERVER +TABLES +ROWS +SIZE +GROWTH +VERIFIED +NOTE$/,
    );
    assert.match(
      lines[1] ?? "",
      new RegExp(`^${name} +${damaged} +40d +\\? +\\? +\\? +\\? +[\\d.]+ k?B +\\? +DAMAGED$`),
    );
    const found = "postgres +[\\d.]+ +2 +20001 +[\\d.]+ kB";
    assert.match(lines[2] ?? "", new RegExp(`^${name} +${kept} +2d +${found} +archive +keep$`));
    assert.match(
      lines[3] ?? "",
      new RegExp(`^${name} +${latest} +\\d+m?s +${found} +[+-][\\d.]+ k?B +archive +latest$`),
    );
    assert.match(lines[4] ?? "", /^total +3 backups +[\d.]+ [kM]B$/);
    const starts = lines.slice(0, 4).map((line) => line.search(/NOTE|DAMAGED|keep|latest/));
    assert.deepEqual(starts, [starts[0], starts[0], starts[0], starts[0]]);
    assert.ok(
      lines.every((line) => line.length <= 100),
      stdout,
    );
    assert.match(
      stderr,
      new RegExp(`^warning: Backup \\S+${damaged} is damaged: manifest.json is missing\\.$`, "m"),
    );

    const listed = JSON.parse((await runRunner(["list", "--repository", repository, "--json"])).stdout) as {
      name: string;
      id: string;
      problem?: string;
      manifest?: { files: { bytes: number }[] };
      contents?: Record<string, number>;
    }[];
    const own = listed.filter((entry) => entry.name === name);
    assert.deepEqual(
      own.map(({ id, problem }) => [id, problem]),
      [
        [damaged, "manifest.json is missing"],
        [kept, undefined],
        [latest, undefined],
      ],
    );
    const [before = 0, after = 0] = [1, 2].map((index) => totalBytes(own[index]?.manifest?.files ?? []));
    const { databaseBytes = 0, ...contents } = own[2]?.contents ?? {};
    assert.ok(databaseBytes > 20_000);
    assert.deepEqual(contents, {
      ...{ tables: 2, rows: 20_001, archiveBytes: after, growthBytes: after - before },
    });
    assert.deepEqual(
      own[2]?.manifest,
      JSON.parse(await readFile(nameFolder(latest, "manifest.json"), "utf8")),
    );
  });

  it("says of an empty directory that it is, and fails for one that is missing", async () => {
    const empty = await temporaryFolder();
    const list = (...more: string[]) => runRunner(["list", "--repository", empty, ...more]);
    const [text, json] = await Promise.all([list(), list("--json")]).finally(() => removeFolder(empty));
    assert.deepEqual([text.exitCode, text.stdout], [0, `There are no backups in ${empty}.`]);
    assert.deepEqual([json.exitCode, json.stdout], [0, "[]"]);
    const missing = await list();
    assert.equal(missing.exitCode, 1);
    assert.match(missing.stderr, /^error\[folder-not-readable\]: There is no folder /);
  });

  it("prunes by the rules: a dry run says what, and the next run does it", async () => {
    const [d400, d3, d2, d1] = [await backupOf(400), await backupOf(3), await backupOf(2), await backupOf(1)];
    const { backupId: d0 } = await backup();
    assert.equal((await run("keep", d3)).exitCode, 0);

    const dry = await run("prune", "--keep-last", "1", "--keep-daily", "2", "--dry-run");
    assert.equal(dry.exitCode, 0, dry.stderr);
    assert.deepEqual(
      dry.stdout
        .trimEnd()
        .split("\n")
        .map((line) => line.replace(/[\d.]+ kB/, "SIZE").split(/ {2,}/)),
      [
        [name, d400, "would be removed", "SIZE"],
        [name, d3, "stays", "keep"],
        [name, d2, "would be removed", "SIZE"],
        [name, d1, "stays", `daily ${isoDay(d1)}`],
        [name, d0, "stays", `latest, newest, last, daily ${isoDay(d0)}`],
        ["2 backups, SIZE, would be removed."],
      ],
    );
    assert.deepEqual(await backups(), [d400, d3, d2, d1, d0]);

    const real = await run("prune", "--keep-last", "1", "--keep-daily", "2", "--json");
    const { removed, freedBytes } = JSON.parse(real.stdout) as PruneResult;
    assert.deepEqual(
      removed.map(({ id }) => id),
      [d400, d2],
    );
    assert.equal(freedBytes, totalBytes(removed));
    assert.deepEqual(await backups(), [d3, d1, d0]);
    for (const id of [d3, d1, d0])
      Manifest.parse(JSON.parse(await readFile(nameFolder(id, "manifest.json"), "utf8")));

    assert.equal((await run("keep", "--release", d3)).exitCode, 0);
    const request = JSON.stringify({ repository, name, retention: { keepLast: 2 } });
    const piped = await execa("node", [runnerMain, "prune", "--request", "-"], { input: request });
    assert.deepEqual(
      (JSON.parse(piped.stdout) as PruneResult).removed.map(({ id }) => id),
      [d3],
    );
  });

  it("prunes nothing without a rule, which is wrong usage, nor where there is no such name", async () => {
    const { exitCode, stderr } = await run("prune");
    assert.equal(exitCode, 2);
    assert.match(stderr, /Name at least one rule, such as --keep-last 7/);
    const unknown = await run("prune", "--keep-last", "1");
    assert.equal(unknown.exitCode, 1);
    assert.match(
      unknown.stderr,
      /^error\[backup-not-found\]: There is no backup of "name\d+" in .* It has backups of: name0/,
    );
    for (const value of ["0", "-1", "1.5", "all"])
      assert.equal((await run("prune", "--keep-last", value)).exitCode, 2, value);
  });

  it("marks by id or latest, and names what there is when it does not find one", async () => {
    const { backupId: id } = await backup();
    assert.equal((await run("keep", "latest")).exitCode, 0);
    assert.ok(existsSync(nameFolder(id, "keep")));
    assert.equal((await run("keep", "latest", "--release")).exitCode, 0);
    assert.ok(!existsSync(nameFolder(id, "keep")));
    const { exitCode, stderr } = await run("keep", "20010101T000000Z");
    assert.equal(exitCode, 1);
    assert.match(stderr, new RegExp(`^error\\[backup-not-found\\]: .*There are, newest first: ${id}\\.`));
    assert.equal((await run("keep")).exitCode, 2);
  });

  it("removes, after a backup, the earlier ones that its rules do not keep", async () => {
    const old = [await backupOf(3), await backupOf(2)];
    const yesterday = await backupOf(1);
    const result = await backup("--keep-last", "2", "--min-size-ratio", "0.9");
    assert.deepEqual(result.pruned, old);
    assert.equal(result.alarm, undefined);
    assert.deepEqual(await backups(), [yesterday, result.backupId]);
    assert.deepEqual((await backup()).pruned, []);
    assert.equal((await backups()).length, 3);
  });

  it("removes none of another database that has its backups there, which may have other rules", async () => {
    const { backupId: first } = await backup();
    await sql(container, "CREATE DATABASE other");
    await sql(container, "CREATE TABLE small AS SELECT 1 AS id", "other");
    const more = ["--database", "other", "--table", "small", "--keep-last", "1", "--min-size-ratio", "0.9"];
    const taken = [await backup(...more), await backup(...more)];
    assert.deepEqual(
      taken.map(({ pruned, alarm }) => [pruned, alarm]),
      [
        [[], undefined],
        [[taken[0]?.backupId], undefined],
      ],
    );
    const { backupId: last, pruned } = await backup("--keep-last", "1");
    assert.deepEqual(pruned, [first]);
    assert.deepEqual(await backups(), [taken[1]?.backupId, last]);
  });

  it("removes nothing, and says so, when the new backup was not verified", async () => {
    const old = [await backupOf(3), await backupOf(2)];
    const result = await backup("--keep-last", "1", "--verify", "none");
    assert.deepEqual(result.pruned, []);
    assert.match(result.alarm ?? "", /^No earlier backup was removed, because this one was not verified\./);
    assert.match(result.stderr, /^warning: No earlier backup was removed/m);
    assert.deepEqual(await backups(), [...old, result.backupId]);
  });

  it("removes nothing, and raises an alarm, when the new backup is too small; nor does prune", async () => {
    const [oldest, before] = [await backupOf(3), await backupOf(2)];
    const rules = ["--keep-last", "1", "--min-size-ratio", "0.5"];
    const result = await backup(...rules, "--table", "dias_catalogue");
    assert.deepEqual(result.pruned, []);
    assert.match(
      result.alarm ?? "",
      new RegExp(`has .* kB, less than 0\\.5 times the .* kB of ${before}.*lacks public\\.parcel_set`),
    );
    assert.match(result.stderr, /^warning: Backup .* has .* less than 0\.5 times/m);
    assert.deepEqual(await backups(), [oldest, before, result.backupId]);

    for (const more of [[], ["--dry-run"]]) {
      const refused = await run("prune", ...rules, ...more);
      assert.equal(refused.exitCode, 1);
      assert.equal(refused.stdout, "");
      assert.match(refused.stderr, /^error\[backup-too-small\]: Backup .* No backup was removed\. Check /);
    }
    const unmarked = await backup(...rules, "--table", "dias_catalogue");
    assert.deepEqual(unmarked.pruned, [oldest, result.backupId], "the one before the drop stays");
    assert.equal((await run("prune", "--keep-last", "1")).exitCode, 0);
    assert.deepEqual(await backups(), [unmarked.backupId]);
  });

  it("is satisfied with a small backup once the one before it is marked", async () => {
    const [oldest, before] = [await backupOf(3), await backupOf(2)];
    assert.equal((await run("keep", before)).exitCode, 0);
    const result = await backup("--keep-last", "1", "--min-size-ratio", "0.5", "--table", "dias_catalogue");
    assert.deepEqual([result.pruned, result.alarm], [[oldest], undefined]);
    assert.deepEqual(await backups(), [before, result.backupId]);
  });

  it("lets a backup succeed whose earlier ones cannot be removed, with an alarm", async () => {
    const old = await backupOf(2);
    await writeFile(nameFolder(old, "notes.txt"), "mine");
    const result = await backup("--keep-last", "1");
    assert.deepEqual(result.pruned, []);
    assert.match(result.alarm ?? "", new RegExp(`^Backup ${old} was not removed: it contains notes\\.txt`));
    assert.deepEqual(await backups(), [old, result.backupId]);
    assert.equal(await readlink(nameFolder("latest")), result.backupId);
  });
});

function isoDay(id: string): string {
  return id.replace(/^(\d{4})(\d\d)(\d\d)T.*/, "$1-$2-$3");
}
