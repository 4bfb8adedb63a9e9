"use strict";
var __importDefault = (this && this.__importDefault) || function (mod) {
    return (mod && mod.__esModule) ? mod : { "default": mod };
};
Object.defineProperty(exports, "__esModule", { value: true });
const strict_1 = __importDefault(require("node:assert/strict"));
const mocha_1 = require("mocha");
const command_1 = require("../../../offline/command/command");
const go_text_1 = require("../../../offline/command/go-text");
const lines_1 = require("../../../offline/command/lines");
const run_1 = require("../../../offline/command/run");
const value_1 = require("../../../offline/provider/value");
const NOTHING = { stdout: "", stderr: "" };
const CHECK = { name: "cmd", oldInputs: undefined, randomSeed: new Uint8Array() };
function operation(lines = []) {
    return {
        urn: "urn:pulumi:s::p::command:local:Command::cmd",
        name: "cmd",
        signal: new AbortController().signal,
        log: (line) => {
            lines.push(line);
            return Promise.resolve();
        },
    };
}
function failuresOf(inputs) {
    return command_1.command.check(inputs, CHECK).failures.map(({ property, reason }) => `${property}: ${reason}`);
}
(0, mocha_1.describe)("offline command: check", () => {
    (0, mocha_1.it)("accepts every covered input", () => {
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
        strict_1.default.deepEqual(command_1.command.check(inputs, CHECK), { inputs, failures: [] });
    });
    (0, mocha_1.it)("refuses what it does not cover, naming it", () => {
        strict_1.default.deepEqual(failuresOf({ create: "a", assetPaths: ["*"], archivePaths: ["*"] }), [
            "assetPaths: offline command provider does not cover Command.assetPaths",
            "archivePaths: offline command provider does not cover Command.archivePaths",
        ]);
    });
    (0, mocha_1.it)("refuses assets among the triggers", () => {
        const asset = { "4dabf18193072939515e22adb298388d": "c44067f5952c0a294b673a41bacd8c17", text: "" };
        strict_1.default.match(failuresOf({ triggers: [[asset]] })[0] ?? "", /does not cover assets in Command.triggers/);
    });
    (0, mocha_1.it)("refuses a value of the wrong type, but not an unknown one", () => {
        strict_1.default.deepEqual(failuresOf({ environment: { A: 1 }, logging: "all", triggers: value_1.UNKNOWN }), [
            "environment: expected a map of strings to strings",
            "logging: expected one of stdout, stderr, stdoutAndStderr, none",
        ]);
    });
    (0, mocha_1.it)("takes null for an input that is left out", () => {
        strict_1.default.deepEqual(command_1.command.check({ create: "a", update: null }, CHECK).inputs, { create: "a" });
    });
});
(0, mocha_1.describe)("offline command: diff", () => {
    const changes = (before, after) => command_1.command
        .diff(before, {}, after)
        .changes.map(({ path, kind, replace }) => `${kind} ${path}${replace ? " replace" : ""}`);
    (0, mocha_1.it)("replaces when a trigger changes, at any depth", () => {
        strict_1.default.deepEqual(changes({ triggers: [1, { a: 1 }] }, { triggers: [1, { a: 2 }, 3] }), [
            "update triggers[1].a replace",
            "add triggers[2] replace",
        ]);
        strict_1.default.deepEqual(changes({}, { triggers: [1] }), ["add triggers replace"]);
    });
    (0, mocha_1.it)("updates in place when anything else changes", () => {
        const before = { create: "a", environment: { "A.B": "1", C: "1" } };
        strict_1.default.deepEqual(changes(before, { create: "b", environment: { "A.B": "2" }, dir: "/" }), [
            "update create",
            'update environment["A.B"]',
            "delete environment.C",
            "add dir",
        ]);
    });
    (0, mocha_1.it)("sees no change in equal inputs", () => {
        const inputs = { create: "a", triggers: [{ b: 1, c: [2] }], environment: { A: "1" } };
        strict_1.default.deepEqual(changes(inputs, structuredClone(inputs)), []);
    });
    (0, mocha_1.it)("counts an unknown value as changed", () => {
        strict_1.default.deepEqual(changes({ triggers: ["1"] }, { triggers: [value_1.UNKNOWN] }), ["update triggers[0] replace"]);
    });
    (0, mocha_1.it)("tells a list from a map and a number from a text", () => {
        strict_1.default.deepEqual(changes({ a: [], b: 1 }, { a: {}, b: "1" }), ["update a", "update b"]);
    });
});
(0, mocha_1.describe)("offline command: preview", () => {
    (0, mocha_1.it)("knows no output before the command has run", () => {
        strict_1.default.deepEqual(command_1.command.planCreate({ create: "a" }), {
            create: "a",
            stdout: value_1.UNKNOWN,
            stderr: value_1.UNKNOWN,
        });
    });
    (0, mocha_1.it)("knows no output of an update, and keeps it where nothing changes", () => {
        const state = { create: "a", stdout: "old", stderr: "" };
        strict_1.default.equal(command_1.command.planUpdate({ create: "a" }, state, { create: "b" })["stdout"], value_1.UNKNOWN);
        strict_1.default.equal(command_1.command.planUpdate({ create: "a" }, state, { create: "a" })["stdout"], "old");
    });
});
(0, mocha_1.describe)("offline command: run", () => {
    (0, mocha_1.it)("gives the last output to update and delete, unless told not to", () => {
        const previous = { stdout: "out", stderr: "err" };
        const inputs = { environment: { A: "1", PULUMI_COMMAND_STDERR: "mine" } };
        strict_1.default.deepEqual((0, run_1.commandEnvironment)({ B: "2", A: "0" }, inputs, previous), {
            A: "1",
            B: "2",
            PULUMI_COMMAND_STDOUT: "out",
            PULUMI_COMMAND_STDERR: "err",
        });
        strict_1.default.deepEqual((0, run_1.commandEnvironment)({}, { addPreviousOutputInEnv: false }, previous), {});
        strict_1.default.deepEqual((0, run_1.commandEnvironment)({}, {}, NOTHING), {});
    });
    (0, mocha_1.it)("runs the command by its interpreter, /bin/sh -c by default", () => {
        strict_1.default.deepEqual((0, run_1.commandLine)("x y", {}), ["/bin/sh", ["-c", "x y"]]);
        strict_1.default.deepEqual((0, run_1.commandLine)("x y", { interpreter: [] }), ["/bin/sh", ["-c", "x y"]]);
        strict_1.default.deepEqual((0, run_1.commandLine)("x", { interpreter: ["node", "-e"] }), ["node", ["-e", "x"]]);
    });
    (0, mocha_1.it)("logs the streams that logging names", () => {
        const logged = (logging) => ["stdout", "stderr"].map((stream) => (0, run_1.isLogged)(logging === undefined ? {} : { logging }, stream));
        strict_1.default.deepEqual(logged(), [true, true]);
        strict_1.default.deepEqual(logged("stdoutAndStderr"), [true, true]);
        strict_1.default.deepEqual(logged("stdout"), [true, false]);
        strict_1.default.deepEqual(logged("stderr"), [false, true]);
        strict_1.default.deepEqual(logged("none"), [false, false]);
    });
    (0, mocha_1.it)("trims one newline, feeds stdin and logs line by line", async () => {
        const lines = [];
        const output = await (0, run_1.runCommand)("cat; echo; echo e >&2", { stdin: "a\nb\n" }, NOTHING, operation(lines));
        strict_1.default.deepEqual(output, { stdout: "a\nb\n", stderr: "e" });
        strict_1.default.deepEqual(lines.filter((line) => line !== "e"), ["a", "b", ""]);
        strict_1.default.equal(lines.length, 4);
    });
    (0, mocha_1.it)("reports a failure as the official provider does, even with logging none", async () => {
        await strict_1.default.rejects((0, run_1.runCommand)('echo "$A"; exit 3', { environment: { A: "shown" }, logging: "none" }, NOTHING, operation()), { message: 'exit status 3: running "echo \\"$A\\"; exit 3":\nshown\n' });
    });
    (0, mocha_1.it)("reports a missing folder and a missing interpreter", async () => {
        await strict_1.default.rejects((0, run_1.runCommand)("true", { dir: "/no/such" }, NOTHING, operation()), {
            message: 'chdir /no/such: no such file or directory: running "true":\n',
        });
        await strict_1.default.rejects((0, run_1.runCommand)("true", { interpreter: ["no-such-shell"] }, NOTHING, operation()), {
            message: 'exec: "no-such-shell": executable file not found in $PATH: running "true":\n',
        });
    });
    (0, mocha_1.it)("fails on a last output too large for the environment", async () => {
        await strict_1.default.rejects((0, run_1.runCommand)("true", {}, { stdout: "x".repeat(200_000), stderr: "" }, operation()), /^Error: fork\/exec \/bin\/sh: argument list too long: running "true"/);
    });
    (0, mocha_1.it)("kills the shell when the operation is cancelled", async () => {
        const cancelled = new AbortController();
        const running = (0, run_1.runCommand)("exec sleep 60", {}, NOTHING, { ...operation(), signal: cancelled.signal });
        setTimeout(() => {
            cancelled.abort();
        }, 50);
        await strict_1.default.rejects(running, { message: 'signal: killed: running "exec sleep 60":\n' });
    });
    (0, mocha_1.it)("refuses a logged line on which the official provider hangs", async () => {
        const long = `head -c ${lines_1.LINE_LIMIT} /dev/zero | tr '\\0' x`;
        await strict_1.default.rejects((0, run_1.runCommand)(long, {}, NOTHING, operation()), /a logged line of 64 KiB or more/);
        const { stdout } = await (0, run_1.runCommand)(long, { logging: "none" }, NOTHING, operation());
        strict_1.default.equal(stdout.length, lines_1.LINE_LIMIT);
    });
    (0, mocha_1.it)("runs no command where none is given", async () => {
        const created = await command_1.command.create({ update: "exit 1" }, operation());
        strict_1.default.match(created.id, /^cmd[0-9a-f]{8}$/);
        strict_1.default.deepEqual(created.outputs, { update: "exit 1", ...NOTHING });
    });
    (0, mocha_1.it)("runs update, or create where no update is given", async () => {
        const state = { stdout: "old", stderr: "" };
        const update = (inputs) => command_1.command.update("id", {}, state, inputs, operation());
        const kept = await update({ create: "exit 1", update: 'printf %s "$PULUMI_COMMAND_STDOUT"' });
        strict_1.default.equal(kept["stdout"], "old");
        strict_1.default.equal((await update({ create: "echo new" }))["stdout"], "new");
        strict_1.default.equal((await update({ delete: "exit 1" }))["stdout"], "old");
    });
    (0, mocha_1.it)("runs delete from the state", async () => {
        const state = { delete: 'test "$PULUMI_COMMAND_STDOUT" = there', stdout: "there", stderr: "" };
        await command_1.command.delete("id", state, operation());
        await strict_1.default.rejects(command_1.command.delete("id", { ...state, stdout: "gone" }, operation()), /exit status 1/);
    });
});
(0, mocha_1.describe)("offline command: texts", () => {
    (0, mocha_1.it)("quotes as Go does", () => {
        strict_1.default.equal((0, go_text_1.goQuote)('a "b" \\ \n\t\u0001\u007f ü'), '"a \\"b\\" \\\\ \\n\\t\\x01\\x7f ü"');
    });
    (0, mocha_1.it)("names exits and signals as Go does", () => {
        strict_1.default.equal((0, go_text_1.exitFailure)(0, null), undefined);
        strict_1.default.equal((0, go_text_1.exitFailure)(2, null), "exit status 2");
        strict_1.default.equal((0, go_text_1.exitFailure)(null, "SIGTERM"), "signal: terminated");
    });
    (0, mocha_1.it)("tells a missing program by its path from one that is not found", () => {
        const missing = Object.assign(new Error("x"), { code: "ENOENT" });
        strict_1.default.equal((0, go_text_1.startFailure)(missing, "/no", undefined, true), "fork/exec /no: no such file or directory");
    });
    (0, mocha_1.it)("cuts lines across chunks", () => {
        const lines = new lines_1.Lines();
        strict_1.default.deepEqual(lines.push(Buffer.from("a\r\nb")), ["a"]);
        strict_1.default.deepEqual(lines.push(Buffer.from("c\n\nd")), ["bc", ""]);
        strict_1.default.deepEqual(lines.end(), ["d"]);
    });
});
