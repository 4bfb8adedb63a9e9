"use strict";
var __importDefault = (this && this.__importDefault) || function (mod) {
    return (mod && mod.__esModule) ? mod : { "default": mod };
};
Object.defineProperty(exports, "__esModule", { value: true });
const strict_1 = __importDefault(require("node:assert/strict"));
const promises_1 = require("node:fs/promises");
const node_os_1 = require("node:os");
const node_path_1 = require("node:path");
const language_pb_1 = require("@pulumi/pulumi/proto/language_pb");
const execa_1 = require("execa");
const mocha_1 = require("mocha");
const arguments_1 = require("../../../offline/language-nodejs/arguments");
const child_1 = require("../../../offline/language-nodejs/child");
const options_1 = require("../../../offline/language-nodejs/options");
const packages_1 = require("../../../offline/language-nodejs/packages");
const run_1 = require("../../../offline/language-nodejs/run");
const run_plugin_1 = require("../../../offline/language-nodejs/run-plugin");
function request(dryRun) {
    const info = new language_pb_1.ProgramInfo();
    info.setRootDirectory("/root");
    info.setProgramDirectory("/root/program");
    info.setEntryPoint(".");
    const run = new language_pb_1.RunRequest();
    run.setInfo(info);
    run.setProject("project");
    run.setStack("dev");
    run.setOrganization("org");
    run.setParallel(4);
    run.setMonitorAddress("127.0.0.1:1");
    run.setDryrun(dryRun);
    run.setArgsList(["--flag", "x"]);
    run.getConfigMap().set("aws:region", "eu").set("project:key", "value");
    run.setConfigsecretkeysList(["project:key"]);
    return run;
}
(0, mocha_1.describe)("offline language host: arguments", () => {
    (0, mocha_1.it)("passes a run's flags, then the program and its arguments", () => {
        const expected = [
            ...["--monitor", "127.0.0.1:1", "--engine", "127.0.0.1:2", "--organization", "org"],
            ...["--project", "project", "--root-directory", "/root", "--stack", "dev"],
            ...["--pwd", "/root/program", "--parallel", "4"],
        ];
        strict_1.default.deepEqual((0, arguments_1.runArguments)(request(false), "127.0.0.1:2", undefined), [
            ...expected,
            ".",
            "--flag",
            "x",
        ]);
        strict_1.default.deepEqual((0, arguments_1.runArguments)(request(true), "127.0.0.1:2", "http://t"), [
            ...expected,
            ...["--tracing", "http://t", "--dry-run", ".", "--flag", "x"],
        ]);
    });
    (0, mocha_1.it)("passes configuration and its secret keys as the SDK reads them", () => {
        strict_1.default.deepEqual((0, arguments_1.runEnvironment)(request(false)), {
            PULUMI_CONFIG: '{"aws:config:region":"eu","project:config:key":"value"}',
            PULUMI_CONFIG_SECRET_KEYS: '["project:key"]',
        });
    });
    (0, mocha_1.it)("passes a plugin's environment, values with = included", () => {
        strict_1.default.deepEqual((0, run_plugin_1.environmentOf)(["A=1", "B=x=y", "C="]), { A: "1", B: "x=y", C: "" });
    });
});
(0, mocha_1.describe)("offline language host: options", () => {
    (0, mocha_1.it)("runs TypeScript unless told not to", () => {
        const environment = (options) => (0, options_1.optionsEnvironment)((0, options_1.parseOptions)(options));
        strict_1.default.deepEqual(environment({}), { PULUMI_NODEJS_TYPESCRIPT: "true" });
        strict_1.default.deepEqual(environment({ typescript: false, tsconfig: "a.json" }), {
            PULUMI_NODEJS_TSCONFIG_PATH: "a.json",
        });
    });
    (0, mocha_1.it)("refuses a wrong type and what it does not cover", () => {
        strict_1.default.throws(() => (0, options_1.parseOptions)({ typescript: "yes" }), /typescript option must be a boolean/);
        strict_1.default.throws(() => (0, options_1.parseOptions)({ nodeargs: 1 }), /nodeargs option must be a string/);
        strict_1.default.throws(() => (0, options_1.parseOptions)({ packagemanager: "yarn" }), /covers npm only/);
        strict_1.default.throws(() => (0, options_1.parseOptions)({ production: true }), /does not cover the option production/);
    });
    (0, mocha_1.it)("splits Node.js arguments as a shell does", () => {
        strict_1.default.deepEqual((0, options_1.splitArguments)(` --a  --b='x y' "c \\" d"e f\\ g `), [
            "--a",
            "--b=x y",
            'c " de',
            "f g",
        ]);
        strict_1.default.deepEqual((0, options_1.splitArguments)(""), []);
    });
});
(0, mocha_1.describe)("offline language host: a program's end", () => {
    (0, mocha_1.it)("says nothing more where the SDK has reported the error", () => {
        strict_1.default.deepEqual([(0, run_1.responseOf)(0).getError(), (0, run_1.responseOf)(0).getBail()], ["", false]);
        strict_1.default.deepEqual([(0, run_1.responseOf)(32).getError(), (0, run_1.responseOf)(32).getBail()], ["", true]);
        strict_1.default.equal((0, run_1.responseOf)(7).getError(), "Program exited with non-zero exit code: 7");
    });
    (0, mocha_1.it)("prints an error with the SDK's stack lines in no time", async () => {
        const plain = (0, node_path_1.join)(process.cwd(), "offline/language-nodejs/plain-errors.ts");
        const program = `
      const error = new Error("mine");
      error.stack = "Error: mine\\n    at run (/app/node_modules/@pulumi/resource.ts:1:2)";
      console.log(require("util").inspect(error, { colors: true }));`;
        const { stdout } = await (0, execa_1.execa)("node", ["--require", "ts-node/register/transpile-only", "--require", plain, "-e", program], {
            timeout: 15_000,
        });
        strict_1.default.equal(stdout, "Error: mine\n    at run (/app/node_modules/@pulumi/resource.ts:1:2)");
    });
    (0, mocha_1.it)("interrupts the program when the run is cancelled", async () => {
        const cancelled = new AbortController();
        const trap = 'trap "exit 9" INT; echo ready; while :; do sleep 0.05; done';
        const exitCode = await (0, child_1.runProgram)("sh", ["-c", trap], {}, cancelled.signal, {
            stdout: () => {
                cancelled.abort();
            },
            stderr: () => undefined,
        });
        strict_1.default.equal(exitCode, 9);
    });
});
(0, mocha_1.describe)("offline language host: packages", () => {
    let folder;
    (0, mocha_1.beforeEach)(async () => {
        folder = await (0, promises_1.mkdtemp)((0, node_path_1.join)((0, node_os_1.tmpdir)(), "offline-packages-"));
    });
    (0, mocha_1.afterEach)(async () => {
        await (0, promises_1.rm)(folder, { recursive: true });
    });
    async function put(path, json) {
        const file = (0, node_path_1.join)(folder, path, "package.json");
        await (0, promises_1.mkdir)((0, node_path_1.dirname)(file), { recursive: true });
        await (0, promises_1.writeFile)(file, JSON.stringify(json));
    }
    const sdk = (name, version) => ({ name, version, pulumi: { resource: true } });
    (0, mocha_1.it)("finds SDKs, nested and linked ones too, and nothing else", async () => {
        await put("program", { ...sdk("program", "1.0.0"), dependencies: { "@pulumi/a": "*" } });
        await put("program/node_modules/@pulumi/a", sdk("@pulumi/a", "1.2.3"));
        await put("program/node_modules/plain", { name: "plain", version: "1.0.0" });
        await put("program/node_modules/plain/node_modules/@pulumi/b", sdk("@pulumi/b", "v4.5.6"));
        await put("program/sub/policy/node_modules/@pulumi/d", sdk("@pulumi/d", "1.0.0"));
        await (0, promises_1.writeFile)((0, node_path_1.join)(folder, "program/sub/policy/PulumiPolicy.yaml"), "");
        await put("program/node_modules/plain/test", {});
        await (0, promises_1.writeFile)((0, node_path_1.join)(folder, "program/node_modules/plain/test/package.json"), "{ broken");
        await put("elsewhere", { ...sdk("third", "9.9.9"), pulumi: { resource: true, name: "c", server: "s" } });
        await (0, promises_1.symlink)((0, node_path_1.join)(folder, "elsewhere"), (0, node_path_1.join)(folder, "program/node_modules/third"));
        const found = (0, packages_1.requiredPackages)((0, node_path_1.join)(folder, "program")).sort((a, b) => (a.name < b.name ? -1 : 1));
        strict_1.default.deepEqual(found, [
            { name: "a", version: "v1.2.3", server: undefined },
            { name: "b", version: "v4.5.6", server: undefined },
            { name: "c", version: "v9.9.9", server: "s" },
        ]);
    });
    (0, mocha_1.it)("prefers the plugin's version to the SDK's", () => {
        const json = { name: "@pulumi/a", version: "1.0.0", pulumi: { resource: true, version: "2.0.0" } };
        strict_1.default.equal((0, packages_1.requiredPackage)(json)?.version, "v2.0.0");
    });
    (0, mocha_1.it)("refuses parameterized packages and skips unnamed third-party plugins", () => {
        const parameterized = { ...sdk("@pulumi/a", "1.0.0"), pulumi: { resource: true, parameterization: {} } };
        strict_1.default.throws(() => (0, packages_1.requiredPackage)(parameterized), /does not cover the parameterized package @pulumi\/a/);
        strict_1.default.equal((0, packages_1.requiredPackage)(sdk("third", "1.0.0")), undefined);
    });
    (0, mocha_1.it)("lists direct dependencies with their installed versions", async () => {
        await put("", { dependencies: { a: "^1" }, devDependencies: { "@x/b": "*" } });
        await put("node_modules/a", { name: "a", version: "1.2.0" });
        strict_1.default.throws(() => (0, packages_1.dependencies)(folder), /@x\/b is not installed/);
        await put("node_modules/@x/b", { name: "@x/b", version: "3.0.0" });
        strict_1.default.deepEqual((0, packages_1.dependencies)(folder), [
            { name: "a", version: "1.2.0" },
            { name: "@x/b", version: "3.0.0" },
        ]);
    });
});
