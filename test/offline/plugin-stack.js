"use strict";
var __importDefault = (this && this.__importDefault) || function (mod) {
    return (mod && mod.__esModule) ? mod : { "default": mod };
};
Object.defineProperty(exports, "__esModule", { value: true });
exports.stackForEachTest = stackForEachTest;
exports.succeed = succeed;
exports.fail = fail;
const strict_1 = __importDefault(require("node:assert/strict"));
const promises_1 = require("node:fs/promises");
const node_os_1 = require("node:os");
const node_path_1 = require("node:path");
const execa_1 = require("execa");
const environment_1 = require("../../offline/environment");
const paths_1 = require("../../setup/paths");
/** A Pulumi project with a stack of its own, in a temporary folder. */
class OfflineStack {
    folder = "";
    async create() {
        this.folder = await (0, promises_1.mkdtemp)((0, node_path_1.join)((0, node_os_1.tmpdir)(), "offline-stack-"));
        await (0, promises_1.mkdir)((0, node_path_1.join)(this.folder, "state"));
        await (0, promises_1.symlink)((0, node_path_1.join)(paths_1.root, "node_modules"), (0, node_path_1.join)(this.folder, "node_modules"));
        await this.write("package.json", JSON.stringify({ name: "offline-test", main: "index.js" }));
        const options = "runtime:\n  name: nodejs\n  options:\n    typescript: false\n";
        await this.write("Pulumi.yaml", `name: offline-test\n${options}`);
        await this.cli("stack", "init", "dev");
    }
    async write(file, text) {
        await (0, promises_1.writeFile)((0, node_path_1.join)(this.folder, file), text);
    }
    /** Replaces the program; `pulumi`, `command` and `docker` are at hand in it. */
    async program(body) {
        const imports = ["pulumi", "command", "docker"].map((name) => `const ${name} = require("@pulumi/${name}");\n`);
        await this.write("index.js", `${imports.join("")}${body}`);
    }
    start(...args) {
        return (0, execa_1.execa)(paths_1.builtPulumi, [...args, "--non-interactive"], {
            cwd: this.folder,
            all: true,
            reject: false,
            env: {
                ...(0, environment_1.offlineEnvironment)(paths_1.cache),
                PULUMI_BACKEND_URL: `file://${(0, node_path_1.join)(this.folder, "state")}`,
                PULUMI_CONFIG_PASSPHRASE: "test",
                NO_COLOR: "1",
            },
        });
    }
    async cli(...args) {
        const { failed, all } = await this.start(...args);
        return { ok: !failed, output: all };
    }
    up() {
        return this.cli("up", "--yes", "--skip-preview");
    }
    refresh() {
        return this.cli("refresh", "--yes", "--skip-preview");
    }
    destroy() {
        return this.cli("destroy", "--yes", "--skip-preview");
    }
    /** The state as it is stored, secrets encrypted. */
    async stateText() {
        return (await this.cli("stack", "export")).output;
    }
    async resource(type) {
        const { deployment } = JSON.parse(await this.stateText());
        return deployment.resources?.find((resource) => resource.type === type);
    }
    async remove() {
        if ((await this.stateText()).includes('"type"'))
            await this.destroy();
        await (0, promises_1.rm)(this.folder, { recursive: true, force: true });
    }
}
/** A stack that is made anew for each test of the suite in which this is called. */
function stackForEachTest() {
    const stack = new OfflineStack();
    beforeEach(() => stack.create());
    afterEach(() => stack.remove());
    return stack;
}
/** The output of a run that succeeds, without a warning. */
async function succeed(run) {
    const { ok, output } = await run;
    strict_1.default.ok(ok, output);
    strict_1.default.doesNotMatch(output, /warning/i);
    return output;
}
/** The output of a run that fails. */
async function fail(run) {
    const { ok, output } = await run;
    strict_1.default.ok(!ok, output);
    return output;
}
