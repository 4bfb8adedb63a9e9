import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { command } from "../../../offline/command/command";
import { exitFailure, goQuote, startFailure } from "../../../offline/command/go-text";
import { Lines, LINE_LIMIT } from "../../../offline/command/lines";
import { commandEnvironment, commandLine, isLogged, runCommand } from "../../../offline/command/run";
import { UNKNOWN, type Properties } from "../../../offline/provider/value";

const NOTHING = { stdout: "", stderr: "" };
const CHECK = { name: "cmd", oldInputs: undefined, randomSeed: new Uint8Array() };

function operation(lines: string[] = []) {
  return {
    urn: "urn:pulumi:s::p::command:local:Command::cmd",
    name: "cmd",
    signal: new AbortController().signal,
    log: (line: string) => {
      lines.push(line);
      return Promise.resolve();
    },
  };
}

function failuresOf(inputs: Properties): string[] {
  return command.check(inputs, CHECK).failures.map(({ property, reason }) => `${property}: ${reason}`);
}

describe("offline command: check", () => {
  it("accepts every covered input", () => {
    const inputs = {
      create: "a",
      update: "b",
      delete: "c",
      dir: "/",
      stdin: "x",
      environment: { A: "1" },
      interpreter: ["sh", "-c"],
      triggers: [1, "x", { y: [null] }],
      logging: "none",
      addPreviousOutputInEnv: false,
    };
    assert.deepEqual(command.check(inputs, CHECK), { inputs, failures: [] });
  });

  it("refuses what it does not cover, naming it", () => {
    assert.deepEqual(failuresOf({ create: "a", assetPaths: ["*"], archivePaths: ["*"] }), [
      "assetPaths: offline command provider does not cover Command.assetPaths",
      "archivePaths: offline command provider does not cover Command.archivePaths",
    ]);
  });

  it("refuses assets among the triggers", () => {
    const asset = { "4dabf18193072939515e22adb298388d": "c44067f5952c0a294b673a41bacd8c17", text: "" };
    assert.match(failuresOf({ triggers: [[asset]] })[0] ?? "", /does not cover assets in Command.triggers/);
  });

  it("refuses a value of the wrong type, but not an unknown one", () => {
    assert.deepEqual(failuresOf({ environment: { A: 1 }, logging: "all", triggers: UNKNOWN }), [
      "environment: expected a map of strings to strings",
      "logging: expected one of stdout, stderr, stdoutAndStderr, none",
    ]);
  });

  it("takes null for an input that is left out", () => {
    assert.deepEqual(command.check({ create: "a", update: null }, CHECK).inputs, { create: "a" });
  });
});

describe("offline command: diff", () => {
  const changes = (before: Properties, after: Properties): string[] =>
    command
      .diff(before, {}, after)
      .changes.map(({ path, kind, replace }) => `${kind} ${path}${replace ? " replace" : ""}`);

  it("replaces when a trigger changes, at any depth", () => {
    assert.deepEqual(changes({ triggers: [1, { a: 1 }] }, { triggers: [1, { a: 2 }, 3] }), [
      "update triggers[1].a replace",
      "add triggers[2] replace",
    ]);
    assert.deepEqual(changes({}, { triggers: [1] }), ["add triggers replace"]);
  });

  it("updates in place when anything else changes", () => {
    const before = { create: "a", environment: { "A.B": "1", C: "1" } };
    assert.deepEqual(changes(before, { create: "b", environment: { "A.B": "2" }, dir: "/" }), [
      "update create",
      'update environment["A.B"]',
      "delete environment.C",
      "add dir",
    ]);
  });

  it("sees no change in equal inputs", () => {
    const inputs = { create: "a", triggers: [{ b: 1, c: [2] }], environment: { A: "1" } };
    assert.deepEqual(changes(inputs, structuredClone(inputs)), []);
  });

  it("counts an unknown value as changed", () => {
    assert.deepEqual(changes({ triggers: ["1"] }, { triggers: [UNKNOWN] }), ["update triggers[0] replace"]);
  });

  it("tells a list from a map and a number from a text", () => {
    assert.deepEqual(changes({ a: [], b: 1 }, { a: {}, b: "1" }), ["update a", "update b"]);
  });
});

describe("offline command: preview", () => {
  it("knows no output before the command has run", () => {
    assert.deepEqual(command.planCreate({ create: "a" }), {
      create: "a",
      stdout: UNKNOWN,
      stderr: UNKNOWN,
    });
  });

  it("knows no output of an update, and keeps it where nothing changes", () => {
    const state = { create: "a", stdout: "old", stderr: "" };
    assert.equal(command.planUpdate({ create: "a" }, state, { create: "b" })["stdout"], UNKNOWN);
    assert.equal(command.planUpdate({ create: "a" }, state, { create: "a" })["stdout"], "old");
  });
});

describe("offline command: run", () => {
  it("gives the last output to update and delete, unless told not to", () => {
    const previous = { stdout: "out", stderr: "err" };
    const inputs = { environment: { A: "1", PULUMI_COMMAND_STDERR: "mine" } };
    assert.deepEqual(commandEnvironment({ B: "2", A: "0" }, inputs, previous), {
      A: "1",
      B: "2",
      PULUMI_COMMAND_STDOUT: "out",
      PULUMI_COMMAND_STDERR: "err",
    });
    assert.deepEqual(commandEnvironment({}, { addPreviousOutputInEnv: false }, previous), {});
    assert.deepEqual(commandEnvironment({}, {}, NOTHING), {});
  });

  it("runs the command by its interpreter, /bin/sh -c by default", () => {
    assert.deepEqual(commandLine("x y", {}), ["/bin/sh", ["-c", "x y"]]);
    assert.deepEqual(commandLine("x y", { interpreter: [] }), ["/bin/sh", ["-c", "x y"]]);
    assert.deepEqual(commandLine("x", { interpreter: ["node", "-e"] }), ["node", ["-e", "x"]]);
  });

  it("logs the streams that logging names", () => {
    const logged = (logging?: string): boolean[] =>
      (["stdout", "stderr"] as const).map((stream) =>
        isLogged(logging === undefined ? {} : { logging }, stream),
      );
    assert.deepEqual(logged(), [true, true]);
    assert.deepEqual(logged("stdoutAndStderr"), [true, true]);
    assert.deepEqual(logged("stdout"), [true, false]);
    assert.deepEqual(logged("stderr"), [false, true]);
    assert.deepEqual(logged("none"), [false, false]);
  });

  it("trims one newline, feeds stdin and logs line by line", async () => {
    const lines: string[] = [];
    const output = await runCommand("cat; echo; echo e >&2", { stdin: "a\nb\n" }, NOTHING, operation(lines));
    assert.deepEqual(output, { stdout: "a\nb\n", stderr: "e" });
    assert.deepEqual(
      lines.filter((line) => line !== "e"),
      ["a", "b", ""],
    );
    assert.equal(lines.length, 4);
  });

  it("reports a failure as the official provider does, even with logging none", async () => {
    await assert.rejects(
      runCommand('echo "$A"; exit 3', { environment: { A: "shown" }, logging: "none" }, NOTHING, operation()),
      { message: 'exit status 3: running "echo \\"$A\\"; exit 3":\nshown\n' },
    );
  });

  it("reports a missing folder and a missing interpreter", async () => {
    await assert.rejects(runCommand("true", { dir: "/no/such" }, NOTHING, operation()), {
      message: 'chdir /no/such: no such file or directory: running "true":\n',
    });
    await assert.rejects(runCommand("true", { interpreter: ["no-such-shell"] }, NOTHING, operation()), {
      message: 'exec: "no-such-shell": executable file not found in $PATH: running "true":\n',
    });
  });

  it("fails on a last output too large for the environment", async () => {
    await assert.rejects(
      runCommand("true", {}, { stdout: "x".repeat(200_000), stderr: "" }, operation()),
      /^Error: fork\/exec \/bin\/sh: argument list too long: running "true"/,
    );
  });

  it("kills the shell when the operation is cancelled", async () => {
    const cancelled = new AbortController();
    const running = runCommand("exec sleep 60", {}, NOTHING, { ...operation(), signal: cancelled.signal });
    setTimeout(() => {
      cancelled.abort();
    }, 50);
    await assert.rejects(running, { message: 'signal: killed: running "exec sleep 60":\n' });
  });

  it("refuses a logged line on which the official provider hangs", async () => {
    const long = `head -c ${LINE_LIMIT} /dev/zero | tr '\\0' x`;
    await assert.rejects(runCommand(long, {}, NOTHING, operation()), /a logged line of 64 KiB or more/);
    const { stdout } = await runCommand(long, { logging: "none" }, NOTHING, operation());
    assert.equal(stdout.length, LINE_LIMIT);
  });

  it("runs no command where none is given", async () => {
    const created = await command.create({ update: "exit 1" }, operation());
    assert.match(created.id, /^cmd[0-9a-f]{8}$/);
    assert.deepEqual(created.outputs, { update: "exit 1", ...NOTHING });
  });

  it("runs update, or create where no update is given", async () => {
    const state = { stdout: "old", stderr: "" };
    const update = (inputs: Properties) => command.update("id", {}, state, inputs, operation());
    const kept = await update({ create: "exit 1", update: 'printf %s "$PULUMI_COMMAND_STDOUT"' });
    assert.equal(kept["stdout"], "old");
    assert.equal((await update({ create: "echo new" }))["stdout"], "new");
    assert.equal((await update({ delete: "exit 1" }))["stdout"], "old");
  });

  it("runs delete from the state", async () => {
    const state = { delete: 'test "$PULUMI_COMMAND_STDOUT" = there', stdout: "there", stderr: "" };
    await command.delete("id", state, operation());
    await assert.rejects(command.delete("id", { ...state, stdout: "gone" }, operation()), /exit status 1/);
  });
});

describe("offline command: texts", () => {
  it("quotes as Go does", () => {
    assert.equal(goQuote('a "b" \\ \n\t\u0001\u007f ü'), '"a \\"b\\" \\\\ \\n\\t\\x01\\x7f ü"');
  });

  it("names exits and signals as Go does", () => {
    assert.equal(exitFailure(0, null), undefined);
    assert.equal(exitFailure(2, null), "exit status 2");
    assert.equal(exitFailure(null, "SIGTERM"), "signal: terminated");
  });

  it("tells a missing program by its path from one that is not found", () => {
    const missing = Object.assign(new Error("x"), { code: "ENOENT" });
    assert.equal(startFailure(missing, "/no", undefined, true), "fork/exec /no: no such file or directory");
  });

  it("cuts lines across chunks", () => {
    const lines = new Lines();
    assert.deepEqual(lines.push(Buffer.from("a\r\nb")), ["a"]);
    assert.deepEqual(lines.push(Buffer.from("c\n\nd")), ["bc", ""]);
    assert.deepEqual(lines.end(), ["d"]);
  });
});
