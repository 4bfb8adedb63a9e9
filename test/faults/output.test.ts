import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { cp, mkdir, readdir, readlink, rm } from "node:fs/promises";
import path from "node:path";
import { text } from "node:stream/consumers";
import { execa } from "execa";
import { ownIdentity } from "../../runner/lib/process-identity";
import { backupArguments, takeBackup } from "../support/backup";
import { docker, startServer } from "../support/container";
import { removeContainer, removeFolder, sql, temporaryFolder, uniqueName } from "../support/resources";
import { runnerMain, runRunner } from "../support/runner";
import { throwaways } from "../support/throwaways";

/** Where output goes: to a full disk, to a reader that has ended, or to this test. */
type Sink = "full" | "ended" | "read";

describe("output that cannot be written", function () {
  this.timeout(120_000);
  let repository: string;
  let container: string;

  before(async () => {
    repository = await temporaryFolder();
    container = await startServer({ mount: repository });
    await sql(container, "CREATE TABLE t AS SELECT 1 AS x");
    await takeBackup({ container, repository, tables: ["t"], name: "first" });
  });
  after(async () => {
    await removeContainer(container);
    await removeFolder(repository);
  });

  /** Runs the command line with its outputs there. */
  async function run(args: readonly string[], stdout: Sink, stderr: Sink) {
    const full = openSync("/dev/full", "w");
    const sinkOf = (sink: Sink) => (sink === "full" ? full : "pipe");
    const child = spawn("node", [runnerMain, ...args], { stdio: ["ignore", sinkOf(stdout), sinkOf(stderr)] });
    closeSync(full);
    const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
    const read = (sink: Sink, stream: typeof child.stdout) => {
      if (sink === "ended") stream?.destroy();
      return sink === "read" && stream !== null ? text(stream) : Promise.resolve("");
    };
    const said = await Promise.all([read(stdout, child.stdout), read(stderr, child.stderr)]);
    return { exitCode: await ended, stdout: said[0], stderr: said[1] };
  }

  const place = (name: string) => ["--repository", repository, "--name", name];
  const backup = (name: string) => backupArguments({ container, repository, name, tables: ["t"] });
  const backups = async (name: string) =>
    (await readdir(path.join(repository, name))).filter((entry) => entry !== "latest");

  for (const sink of ["full", "ended"] as const) {
    it(`keeps no backup from being taken where it is the log (${sink})`, async () => {
      const name = `log-${sink}`;
      const { exitCode, stdout } = await run([...backup(name), "--json"], "read", sink);
      assert.equal(exitCode, 0);
      const { backupId } = JSON.parse(stdout) as { backupId: string };
      assert.deepEqual(await backups(name), [backupId]);
      assert.equal(await readlink(path.join(repository, name, "latest")), backupId);
      assert.deepEqual(await throwaways(repository), []);
    });

    it(`is a failure where it is the result, which says that the backup is complete (${sink})`, async () => {
      const name = `result-${sink}`;
      const { exitCode, stderr } = await run(backup(name), sink, "read");
      const [id = "none", ...others] = await backups(name);
      assert.deepEqual(others, []);
      const folder = path.join(repository, name, id);
      assert.equal(exitCode, 1);
      assert.match(
        stderr,
        /^error\[output-not-written\]: Standard output cannot be written: .*(ENOSPC|EPIPE)/m,
      );
      assert.ok(stderr.includes(`Backup ${id} is complete: ${folder}.`), stderr);
      assert.doesNotMatch(stderr, /^ {4}at /m);
      assert.equal((await runRunner(["verify", ...place(name)])).exitCode, 0);
    });

    it(`leaves a complete backup and nothing else where it is both (${sink})`, async () => {
      const name = `both-${sink}`;
      const { exitCode } = await run(backup(name), sink, sink);
      assert.equal(exitCode, 1);
      assert.equal((await backups(name)).length, 1);
      assert.equal((await runRunner(["verify", ...place(name)])).exitCode, 0);
      assert.deepEqual(await throwaways(repository), []);
    });

    for (const args of [
      ["list"],
      ["list", "--json"],
      ["verify"],
      ["keep", "latest"],
      ["prune", "--keep-last", "1"],
      ["export", "latest", "-"],
      ["--help"],
      ["backup", "--help"],
    ])
      it(`is told in one message by every verb: ${args.join(" ")} (${sink})`, async () => {
        const isHelp = args.includes("--help");
        const { exitCode, stderr } = await run(isHelp ? args : [...args, ...place("first")], sink, "read");
        assert.equal(exitCode, 1, stderr);
        const errors = stderr.split("\n").filter((line) => /^error/.test(line));
        assert.equal(errors.length, 1, stderr);
        assert.match(errors[0] ?? "", /^error\[(output-not-written|interrupted)\]: /);
        assert.doesNotMatch(stderr, /^ {4}at /m);
      });

    it(`does not hide in its exit status what failed (${sink})`, async () => {
      const missing = await run(["verify", ...place("none")], "read", sink);
      assert.deepEqual([missing.exitCode, missing.stdout], [1, ""]);
      const usage = await run(["verify", "--nonsense"], "read", sink);
      assert.deepEqual([usage.exitCode, usage.stdout], [2, ""]);
    });
  }

  it("does not hide a damaged backup that is found meanwhile", async () => {
    const copy = path.join(repository, "damaged");
    await cp(path.join(repository, "first"), copy, { recursive: true, verbatimSymlinks: true });
    const { exitCode, stderr } = await run(["verify", ...place("damaged")], "full", "read");
    assert.equal(exitCode, 1);
    assert.match(stderr, /^error\[(manifest-unreadable|checksum-mismatch)\]: /m);
    assert.match(stderr, /^error\[output-not-written\]: /m);
    await rm(copy, { recursive: true });
  });
});

describe("throwaway containers of earlier runs", function () {
  this.timeout(120_000);
  let repository: string;
  let container: string;
  const made: string[] = [];

  before(async () => {
    repository = await temporaryFolder();
    container = await startServer({ mount: repository });
    await sql(container, "CREATE TABLE t AS SELECT 1 AS x");
  });
  after(async () => {
    for (const name of made) await removeContainer(name);
    await removeContainer(container);
    await removeFolder(repository);
  });

  /** As a run leaves it that is killed between the creation and the start, or later. */
  async function leave(owner: string | undefined, verb: "create" | "run" = "create"): Promise<string> {
    const name = uniqueName();
    made.push(name);
    const { output: image } = await docker("inspect", "--format={{.Image}}", container);
    const labels = ["--label", `postgis-backup.throwaway=${repository}/x`];
    if (owner !== undefined) labels.push("--label", `postgis-backup.process=${owner}`);
    const detach = verb === "run" ? ["--detach"] : [];
    await docker(verb, ...detach, "--name", name, ...labels, "--entrypoint", "sleep", image, "600");
    return name;
  }

  /** Of a process of this machine that has ended, or of one elsewhere. */
  async function deadIdentity(): Promise<string> {
    const script = "process.stdout.write(require(process.argv[1]).ownIdentity())";
    const { stdout } = await execa("node", [
      "-e",
      script,
      path.resolve("dist/runner/lib/process-identity.js"),
    ]);
    return stdout;
  }

  it("are removed by the next run that needs one, where their process is gone; others are not", async () => {
    const dead = await deadIdentity();
    const own = ownIdentity();
    const [space = "", boot = "", pid = "", start = ""] = own.split("-");
    const gone = [
      await leave(dead),
      await leave(dead, "run"),
      // The process id was given to another process since.
      await leave([space, boot, pid, String(Number(start) - 1)].join("-"), "run"),
    ];
    const alive = [
      await leave(own, "run"),
      await leave(own),
      // Of another machine, or of an earlier version.
      await leave(["00000000", boot, "1", "1"].join("-"), "run"),
      await leave(undefined, "run"),
      await leave(undefined),
    ];
    await mkdir(path.join(repository, "x"), { recursive: true });
    await takeBackup({ container, repository, name: "verified", tables: ["t"] });
    const verified = await runRunner(["verify", "--repository", repository, "--name", "verified"]);
    assert.equal(verified.exitCode, 0, verified.stderr);
    const left = await throwaways(repository);
    assert.deepEqual(left.toSorted(), alive.toSorted());
    assert.deepEqual(
      gone.filter((name) => left.includes(name)),
      [],
    );
  });
});
