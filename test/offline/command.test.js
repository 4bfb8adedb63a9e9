"use strict";
var __importDefault = (this && this.__importDefault) || function (mod) {
    return (mod && mod.__esModule) ? mod : { "default": mod };
};
Object.defineProperty(exports, "__esModule", { value: true });
const strict_1 = __importDefault(require("node:assert/strict"));
const node_fs_1 = require("node:fs");
const promises_1 = require("node:fs/promises");
const node_path_1 = require("node:path");
const promises_2 = require("node:timers/promises");
const plugin_stack_1 = require("./plugin-stack");
const COMMAND = "command:local:Command";
describe("the offline command provider", function () {
    this.timeout(120_000);
    const stack = (0, plugin_stack_1.stackForEachTest)();
    const log = () => (0, node_path_1.join)(stack.folder, "log");
    const logged = async () => (0, node_fs_1.existsSync)(log()) ? (await (0, promises_1.readFile)(log(), "utf8")).trim().split("\n") : [];
    function program(args) {
        return stack.program(`
      const log = ${JSON.stringify(log())};
      const c = new command.local.Command("c", ${args});
      exports.out = c.stdout;`);
    }
    it("replaces when triggers change, running create, then the old delete", async () => {
        const args = (trigger) => `{
      create: "echo create ${trigger} >> " + log,
      update: "echo update >> " + log,
      delete: "echo delete ${trigger} >> " + log,
      triggers: [${trigger}, { nested: ["x"] }],
    }`;
        await program(args(1));
        await (0, plugin_stack_1.succeed)(stack.up());
        strict_1.default.match(await (0, plugin_stack_1.succeed)(stack.up()), /2 unchanged/);
        await program(args(2));
        strict_1.default.match(await (0, plugin_stack_1.succeed)(stack.up()), /1 replaced/);
        strict_1.default.deepEqual(await logged(), ["create 1", "create 2", "delete 1"]);
        await (0, plugin_stack_1.succeed)(stack.destroy());
        strict_1.default.deepEqual((await logged()).at(-1), "delete 2");
    });
    it("updates when anything else changes, and an update can keep the output", async () => {
        const args = (secret) => `{
      create: "echo first",
      update: 'printf %s "$PULUMI_COMMAND_STDOUT"; echo update >> ' + log,
      environment: { PGPASSWORD: pulumi.secret("${secret}") },
    }`;
        await program(args("password-one"));
        await (0, plugin_stack_1.succeed)(stack.up());
        await program(args("password-two"));
        strict_1.default.match(await (0, plugin_stack_1.succeed)(stack.up()), /1 updated/);
        strict_1.default.deepEqual(await logged(), ["update"]);
        strict_1.default.equal((await stack.resource(COMMAND))?.outputs?.["stdout"], "first");
    });
    it("runs create again on a change where no update is given", async () => {
        await program(`{ create: "echo $A", environment: { A: "one" } }`);
        await (0, plugin_stack_1.succeed)(stack.up());
        await program(`{ create: "echo $A", environment: { A: "two" } }`);
        strict_1.default.match(await (0, plugin_stack_1.succeed)(stack.up()), /1 updated/);
        strict_1.default.equal((await stack.resource(COMMAND))?.outputs?.["stdout"], "two");
    });
    it("keeps a secret environment out of the state, and its output is no secret", async () => {
        await program(`{ create: "echo out", environment: { A: pulumi.secret("very-hidden") } }`);
        await (0, plugin_stack_1.succeed)(stack.up());
        strict_1.default.doesNotMatch(await stack.stateText(), /very-hidden/);
        strict_1.default.equal((await stack.resource(COMMAND))?.outputs?.["stdout"], "out");
        strict_1.default.match((await stack.cli("stack", "output")).output, /out +out/);
    });
    it("leaves no state when create fails, and says what failed", async () => {
        await program(`{ create: "echo broken; exit 3", delete: "echo delete >> " + log, logging: "none" }`);
        const output = await (0, plugin_stack_1.fail)(stack.up());
        strict_1.default.match(output, /exit status 3: running "echo broken; exit 3":\s+broken/);
        strict_1.default.doesNotMatch(output, /\n\s+at /);
        strict_1.default.equal(await stack.resource(COMMAND), undefined);
        await (0, plugin_stack_1.succeed)(stack.destroy());
        strict_1.default.deepEqual(await logged(), []);
    });
    it("keeps the old state when update fails, and tries again", async () => {
        await program(`{ create: "echo one", update: "exit 4", environment: { A: "1" } }`);
        await (0, plugin_stack_1.succeed)(stack.up());
        await program(`{ create: "echo one", update: "exit 4", environment: { A: "2" } }`);
        strict_1.default.match(await (0, plugin_stack_1.fail)(stack.up()), /exit status 4/);
        const kept = await stack.resource(COMMAND);
        strict_1.default.deepEqual([kept?.inputs?.["environment"], kept?.outputs?.["stdout"]], [{ A: "1" }, "one"]);
        strict_1.default.match(await (0, plugin_stack_1.fail)(stack.up()), /exit status 4/);
    });
    it("runs nothing in a preview", async () => {
        await program(`{ create: "echo create >> " + log }`);
        strict_1.default.match(await (0, plugin_stack_1.succeed)(stack.cli("preview")), /2 to create/);
        strict_1.default.deepEqual(await logged(), []);
    });
    it("shows each line as it comes, unless logging is none", async () => {
        await program(`{ create: "echo from stdout; echo from stderr >&2" }`);
        const output = await (0, plugin_stack_1.succeed)(stack.up());
        strict_1.default.match(output, /creating.* from stdout/);
        strict_1.default.match(output, /creating.* from stderr/);
        await program(`{ create: "echo quiet", logging: "none" }`);
        strict_1.default.doesNotMatch(await (0, plugin_stack_1.succeed)(stack.up()), /updat.* quiet/);
    });
    it("kills the shell when the run is interrupted", async () => {
        const pidFile = (0, node_path_1.join)(stack.folder, "pid");
        await stack.program(`new command.local.Command("c", { create: "echo $$ > ${pidFile}; exec sleep 300" });`);
        const run = stack.start("up", "--yes", "--skip-preview");
        while (!(0, node_fs_1.existsSync)(pidFile) || (await (0, promises_1.readFile)(pidFile, "utf8")) === "")
            await (0, promises_2.setTimeout)(50);
        const pid = (await (0, promises_1.readFile)(pidFile, "utf8")).trim();
        run.kill("SIGINT");
        const ended = await Promise.race([run, (0, promises_2.setTimeout)(30_000)]);
        if (ended === undefined) {
            process.kill(Number(pid));
            await run;
        }
        strict_1.default.ok(ended?.failed, "the run went on");
        strict_1.default.match(ended.all, /signal: killed/);
        strict_1.default.equal((0, node_fs_1.existsSync)(`/proc/${pid}`), false);
    });
    it("refuses what it does not cover", async () => {
        await program(`{ create: "true", assetPaths: ["*"] }`);
        strict_1.default.match(await (0, plugin_stack_1.fail)(stack.up()), /does not cover Command\.assetPaths/);
        await stack.program(`new command.remote.Command("r", { connection: { host: "h" }, create: "true" });`);
        strict_1.default.match(await (0, plugin_stack_1.fail)(stack.up()), /offline command provider does not cover command:remote:Command/);
        await stack.program(`exports.x = command.local.runOutput({ command: "true" }).stdout;`);
        strict_1.default.match(await (0, plugin_stack_1.fail)(stack.up()), /does not cover the function command:local:run/);
    });
});
