"use strict";
var __importDefault = (this && this.__importDefault) || function (mod) {
    return (mod && mod.__esModule) ? mod : { "default": mod };
};
Object.defineProperty(exports, "__esModule", { value: true });
const strict_1 = __importDefault(require("node:assert/strict"));
const node_fs_1 = require("node:fs");
const promises_1 = require("node:fs/promises");
const node_os_1 = require("node:os");
const node_path_1 = require("node:path");
const install_1 = require("../../offline/install");
const paths_1 = require("../../setup/paths");
const plugin_stack_1 = require("./plugin-stack");
describe("the offline language host, and the installation", function () {
    this.timeout(120_000);
    const stack = (0, plugin_stack_1.stackForEachTest)();
    it("installs once, for the versions that the SDKs ask for, and spares an official language host", async () => {
        const logged = [];
        const cacheDir = await (0, promises_1.mkdtemp)((0, node_path_1.join)((0, node_os_1.tmpdir)(), "offline-install-"));
        const pulumi = (0, node_path_1.join)(cacheDir, "bin", "pulumi");
        try {
            await (0, promises_1.mkdir)((0, node_path_1.join)(cacheDir, "bin"));
            await (0, promises_1.symlink)(paths_1.builtPulumi, pulumi);
            const install = () => (0, install_1.installOffline)({ cacheDir, pulumi, log: (line) => logged.push(line) });
            await install();
            strict_1.default.equal(logged.length, 3);
            const plugins = (0, node_path_1.join)(cacheDir, "pulumi-home", "plugins");
            const program = (0, node_path_1.join)(plugins, "resource-docker-v5.2.0", "pulumi-resource-docker");
            strict_1.default.ok((await (0, promises_1.stat)(program)).mode & 0o111);
            strict_1.default.ok((0, node_fs_1.existsSync)((0, node_path_1.join)(plugins, "resource-command-v1.2.1", "pulumi-resource-command")));
            await install();
            strict_1.default.equal(logged.length, 3);
            await (0, promises_1.writeFile)(program, "#!/bin/sh\n");
            await install();
            strict_1.default.equal(logged.length, 4);
            strict_1.default.match(await (0, promises_1.readFile)(program, "utf8"), /dist\/offline\/docker\/main\.js/);
            const host = (0, node_path_1.join)(cacheDir, "bin", "pulumi-language-nodejs");
            strict_1.default.match(await (0, promises_1.readFile)(host, "utf8"), /dist\/offline\/language-nodejs\/main\.js/);
            await (0, promises_1.writeFile)(host, "an official host");
            await install();
            strict_1.default.equal(await (0, promises_1.readFile)(host, "utf8"), "an official host");
        }
        finally {
            await (0, promises_1.rm)(cacheDir, { recursive: true });
        }
    });
    it("shows what a program prints, passes its configuration, and reports its errors once", async () => {
        await stack.cli("config", "set", "key", "value");
        await stack.cli("config", "set", "--secret", "password", "hidden");
        await stack.program(`
      const config = new pulumi.Config();
      console.log("printed", config.get("key"), pulumi.getStack(), pulumi.runtime.isDryRun());
      exports.password = config.requireSecret("password");`);
        strict_1.default.match(await (0, plugin_stack_1.succeed)(stack.cli("preview")), /printed value dev true/);
        strict_1.default.match(await (0, plugin_stack_1.succeed)(stack.up()), /printed value dev false/);
        strict_1.default.match((await stack.cli("stack", "output")).output, /password +\[secret\]/);
        await stack.program(`throw new Error("my own error");`);
        const output = await (0, plugin_stack_1.fail)(stack.up());
        strict_1.default.equal(output.match(/Error: my own error/g)?.length, 1, output);
        strict_1.default.doesNotMatch(output, /non-zero exit code/);
        await stack.program(`process.exit(7);`);
        strict_1.default.match(await (0, plugin_stack_1.fail)(stack.up()), /Program exited with non-zero exit code: 7/);
    });
    it("finds the providers' schemas", async () => {
        const { ok, output } = await stack.cli("package", "get-schema", "docker@5.2.0");
        strict_1.default.ok(ok, output);
        strict_1.default.match(output, /"docker:index\/container:Container"/);
        const command = await stack.cli("package", "get-schema", "command@1.2.1");
        strict_1.default.match(command.output, /"addPreviousOutputInEnv"/);
    });
    it("runs a plugin written in TypeScript", async () => {
        const plugin = (0, node_path_1.join)(stack.folder, "plugin");
        await (0, promises_1.mkdir)(plugin);
        await (0, promises_1.symlink)((0, node_path_1.join)(paths_1.root, "node_modules"), (0, node_path_1.join)(plugin, "node_modules"));
        await (0, promises_1.writeFile)((0, node_path_1.join)(plugin, "PulumiPlugin.yaml"), "runtime: nodejs\n");
        await (0, promises_1.writeFile)((0, node_path_1.join)(plugin, "package.json"), JSON.stringify({ name: "things", version: "1.0.0", main: "index.ts" }));
        await (0, promises_1.writeFile)((0, node_path_1.join)(plugin, "index.ts"), `import * as pulumi from "@pulumi/pulumi";
      export interface ThingArgs { size: pulumi.Input<number>; }
      export class Thing extends pulumi.ComponentResource {
        constructor(name: string, args: ThingArgs, opts?: pulumi.ComponentResourceOptions) {
          super("things:index:Thing", name, args, opts);
        }
      }`);
        const { ok, output } = await stack.cli("package", "get-schema", plugin);
        strict_1.default.ok(ok, output);
        strict_1.default.match(output, /"things:index:Thing"/);
        strict_1.default.match(output, /"size"/);
    });
});
