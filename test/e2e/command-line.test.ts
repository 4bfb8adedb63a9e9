import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { randomBytes } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { text } from "node:stream/consumers";
import { execa } from "execa";
import { removeFolder, temporaryFolder } from "../support/resources";
import { endedStatus, runnerMain, runRunner } from "../support/runner";
import { writeSealed } from "../support/sealed";
import { onTerminal, words } from "../support/terminal";

interface ToldFailure {
  readonly code: string;
  readonly message: string;
  readonly failures: readonly { readonly code: string; readonly message: string }[];
  readonly verb?: string;
  readonly exitStatus: number;
}

const id = "20261122T080000Z";

describe("the command line", function () {
  this.timeout(60_000);
  let folder: string;
  let repository: string;
  let tar: string;

  before(async () => {
    folder = await temporaryFolder();
    repository = path.join(folder, "backups");
    await writeSealed(repository, id, {
      files: { "archive.dump": randomBytes(3_000_000), "prepare.sql": Buffer.from("-- nothing\n") },
    });
    tar = path.join(folder, "cbm.tar");
    const { exitCode, stderr } = await runRunner(["export", `${repository}/cbm/${id}`, tar]);
    assert.equal(exitCode, 0, stderr);
  });
  after(() => removeFolder(folder));

  describe("with --json", () => {
    async function failed(...args: string[]): Promise<ToldFailure> {
      const { exitCode, stdout, stderr } = await execa("node", [runnerMain, ...args, "--json"], {
        reject: false,
        stripFinalNewline: false,
      });
      assert.match(stdout, /^[^\n]+\n$/);
      assert.equal(stderr, "", "a failure is told in one place");
      const { error, ...others } = JSON.parse(stdout) as { error: ToldFailure };
      assert.deepEqual(others, {});
      assert.equal(error.exitStatus, exitCode);
      return error;
    }

    it("tells wrong usage as one object", async () => {
      const verbs = ["backup", "list", "export"];
      const told = await Promise.all(verbs.map((verb) => failed(verb, "--repositry", "x")));
      assert.deepEqual(
        told.map(({ code, verb, exitStatus }) => [code, verb, exitStatus]),
        verbs.map((verb) => ["usage", verb, 2]),
      );
      for (const { message } of told) assert.match(message, /^unknown option '--repositry'/);
    });

    it("tells all that is missing, each by itself", async () => {
      const { failures, exitStatus } = await failed("backup", "--repository", repository);
      assert.equal(exitStatus, 2);
      assert.deepEqual(
        failures,
        ["--container is missing", "--name is missing", "--table must name at least one table"].map(
          (message) => ({ code: "usage", message }),
        ),
      );
    });

    it("tells a failure with code, message, verb and exit status", async () => {
      const missing = path.join(folder, "missing");
      const message = `There is no folder ${missing}. Name the folder that holds the backups.`;
      assert.deepEqual(await failed("list", "--repository", missing), {
        code: "folder-not-readable",
        message,
        failures: [{ code: "folder-not-readable", message }],
        verb: "list",
        exitStatus: 1,
      });
    });

    it("leaves requests of components as they are: their failures are text", async () => {
      const { exitCode, stdout, stderr } = await execa("node", [runnerMain, "verify", "--request", "-"], {
        input: JSON.stringify({ repository, name: "cbm", repositry: "x" }),
        reject: false,
      });
      assert.deepEqual([exitCode, stdout], [2, ""]);
      assert.equal(stderr, "error[usage]: repositry: is unknown. Did you mean repository?");
    });
  });

  for (const [signal, status] of Object.entries(endedStatus) as [keyof typeof endedStatus, number][])
    it(`exits ${status} after ${signal}, and says so`, async () => {
      const args = ["import", "-", "--repository", path.join(folder, "interrupted")];
      for (const more of [[], ["--json"]]) {
        const runner = spawn("node", [runnerMain, ...args, ...more], { stdio: "pipe" });
        const said = Promise.all([text(runner.stdout), text(runner.stderr)]);
        runner.stdin.on("error", () => undefined).write((await readFile(tar)).subarray(0, 100_000));
        await once(runner.stderr, "data");
        runner.kill(signal);
        assert.deepEqual(await once(runner, "close"), [status, null]);
        const [stdout, stderr] = await said;
        if (more.length === 0) {
          assert.equal(stdout, "");
          assert.match(stderr, new RegExp(`^error\\[interrupted\\]: Interrupted by ${signal}`, "m"));
        } else {
          const { error } = JSON.parse(stdout) as { error: ToldFailure };
          assert.deepEqual([error.code, error.exitStatus], ["interrupted", status]);
        }
      }
    });

  describe("on a terminal", () => {
    /** An import that is fed slowly enough for its progress to be shown. What feeds it is silent when its reader ends. */
    const slowly = (command: readonly string[], target: string, ...more: string[]) =>
      `(head -c 1500000 ${words(tar)}; sleep 3; tail -c +1500001 ${words(tar)} 2>/dev/null) | ` +
      words(
        ...command,
        "node",
        runnerMain,
        "import",
        "-",
        "--repository",
        path.join(folder, target),
        ...more,
      );

    it("shows a bar with share, rate and time left, and takes it away", async () => {
      const { exitCode, written, lines } = await onTerminal(slowly([], "bar"));
      assert.equal(exitCode, 0, written);
      assert.match(
        written,
        /\[=+ +\] {2}1\.\d+ MB of 3 MB {2}\d\d % {2}[\d.]+ [kM]?B\/s {2}\d+ s left {2}archive\.dump/,
      );
      assert.equal(lines.length, 2, written);
      assert.match(lines[0] ?? "", /^Importing cbm\//);
      assert.match(lines[1] ?? "", /^Backup 20261122T080000Z is imported: /);
    });

    it("takes the bar away before an error, also when it is interrupted", async () => {
      const interrupted = ["timeout", "--foreground", "--preserve-status", "--signal=INT", "2.5"];
      const { exitCode, written, lines } = await onTerminal(slowly(interrupted, "ended"));
      assert.equal(exitCode, 130, written);
      assert.match(written, /MB of 3 MB/);
      assert.match(lines.at(-1) ?? "", /^error\[interrupted\]: Interrupted by SIGINT/);
      assert.ok(
        lines.every((line) => !line.includes("MB of 3 MB")),
        lines.join("\n"),
      );
    });

    it("shows none of it with --quiet, but the result", async () => {
      const { lines, written } = await onTerminal(slowly([], "quiet", "--quiet"));
      assert.equal(lines.length, 1, written);
      assert.match(lines[0] ?? "", /^Backup 20261122T080000Z is imported: /);
    });

    it("colours errors there alone, unless the environment wants it otherwise", async () => {
      const command = words("node", runnerMain, "list", "--repository", path.join(folder, "missing"));
      const coloured = "\u001b[1m\u001b[31merror[folder-not-readable]:";
      const plain = { NO_COLOR: "1" };
      const forced = { FORCE_COLOR: "1" };
      assert.ok((await onTerminal(command)).written.includes(coloured));
      assert.doesNotMatch((await onTerminal(command, plain)).written, /\u001b/);
      assert.doesNotMatch((await onTerminal(command, { ...plain, ...forced })).written, /\u001b/);
      const piped = ["list", "--repository", path.join(folder, "missing")];
      assert.doesNotMatch((await runRunner(piped)).stderr, /\u001b/);
      assert.ok((await runRunner(piped, forced)).stderr.includes(coloured));
    });
  });

  it("is short where the project's file and the environment say the rest", async () => {
    const project = path.join(folder, "project");
    await mkdir(path.join(project, "below"), { recursive: true });
    await writeFile(path.join(project, "postgis-backup.yaml"), "repository: ../backups\nname: other\n");
    const run = (args: readonly string[], env: Record<string, string> = {}) =>
      execa("node", [runnerMain, ...args], { cwd: path.join(project, "below"), env, reject: false });
    const cbm = { POSTGIS_BACKUP_NAME: "cbm" };
    const [listed, other, kept, located, wrong] = await Promise.all([
      run(["list", "--json"], cbm),
      run(["list", "--json"]),
      run(["keep", id, "--release"], cbm),
      run(["list", `${repository}/cbm`, "--json"]),
      run(["list"], { POSTGIS_BACKUP_NAME: "/" }),
    ]);
    for (const { stdout, stderr } of [listed, located])
      assert.deepEqual(
        (JSON.parse(stdout) as { id: string }[]).map((backup) => backup.id),
        [id],
        stderr,
      );
    assert.match(other.stdout, /"code":"backup-not-found"/);
    assert.equal(kept.exitCode, 0, kept.stderr);
    assert.equal(wrong.exitCode, 2);
    assert.match(wrong.stderr, /^error\[usage\]: POSTGIS_BACKUP_NAME must be letters/);
  });

  it("completes verbs, options, choices and files in bash", async () => {
    const { stdout: script } = await runRunner(["completion", "bash"]);
    const file = path.join(folder, "completion.bash");
    await writeFile(file, script);
    const bin = path.join(folder, "postgis-backup");
    await writeFile(bin, `#!/bin/sh\nexec node ${words(runnerMain)} "$@"\n`, { mode: 0o755 });
    const completed = async (...line: readonly string[]) => {
      const compopt = 'compopt() { echo ":$2"; }';
      const call = `COMP_WORDS=(${words(bin, ...line)}) COMP_CWORD=${line.length}; _postgis_backup; printf '%s\\n' "\${COMPREPLY[@]}"`;
      return (await execa("bash", ["-c", `source ${words(file)}; ${compopt}; ${call}`])).stdout.split("\n");
    };
    assert.deepEqual(await completed("re"), ["restore", "remove-old", "report"]);
    assert.deepEqual(await completed("verify", "--le"), ["--level"]);
    assert.deepEqual(await completed("verify", "--level", ""), ["archive", "restore"]);
    assert.deepEqual(await completed("verify", "./"), [":default", ""]);
    assert.deepEqual(await completed("backup", "--repository", ""), [":default", ""]);
  });

  for (const shell of ["zsh", "fish"]) {
    const there = spawnSync(shell, ["--version"]).status === 0 ? it : () => undefined;
    there(`has a script that ${shell} can read`, async () => {
      const { stdout } = await runRunner(["completion", shell]);
      await execa(shell, ["-n"], { input: stdout });
    });
  }
});
