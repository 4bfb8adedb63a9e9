"use strict";
var __importDefault = (this && this.__importDefault) || function (mod) {
    return (mod && mod.__esModule) ? mod : { "default": mod };
};
Object.defineProperty(exports, "__esModule", { value: true });
const strict_1 = __importDefault(require("node:assert/strict"));
const promises_1 = require("node:fs/promises");
const node_net_1 = __importDefault(require("node:net"));
const node_path_1 = __importDefault(require("node:path"));
const execa_1 = require("execa");
const container_1 = require("../support/container");
const resources_1 = require("../support/resources");
const stack_1 = require("../support/stack");
describe("a PostgisContainer that cannot be", function () {
    this.timeout(120_000);
    let project;
    beforeEach(async () => {
        project = await (0, stack_1.createProject)();
    });
    afterEach(() => (0, stack_1.removeProject)(project));
    async function failedUp() {
        const output = [];
        await strict_1.default.rejects(project.stack.up({ onOutput: (text) => output.push(text), onError: (text) => output.push(text) }));
        return output.join("");
    }
    const exists = async (kind, name) => !(await (0, execa_1.execa)("docker", [kind, "inspect", name], { reject: false })).failed;
    async function nothingWasCreated() {
        strict_1.default.equal(await exists("container", project.container), false);
        strict_1.default.equal(await exists("volume", `${project.container}-data`), false);
    }
    it("reports a port in use and a directory that cannot be written, both, before anything is created", async () => {
        const server = node_net_1.default.createServer().listen(project.port, "127.0.0.1");
        const file = node_path_1.default.join(project.folder, "file");
        await (0, promises_1.writeFile)(file, "");
        await project.stack.setConfig("backupDirectory", { value: node_path_1.default.join(file, "backups") });
        const output = await failedUp().finally(() => server.close());
        strict_1.default.match(output, new RegExp(`Port ${project.port} on 127.0.0.1 is in use\\. Choose another port`));
        strict_1.default.match(output, /backup directory .*file\/backups cannot be written: ENOTDIR.*Choose another directory/);
        await nothingWasCreated();
    });
    it("leaves a container of that name alone that is not the stack's", async () => {
        const foreign = await (0, container_1.startServer)();
        try {
            await project.stack.setConfig("containerName", { value: foreign });
            const output = await failedUp();
            strict_1.default.match(output, new RegExp(`Container "${foreign}" exists already and does not belong to this stack`));
            strict_1.default.ok(await exists("container", foreign));
            strict_1.default.equal(await exists("volume", `${foreign}-data`), false);
        }
        finally {
            await (0, resources_1.removeContainer)(foreign);
        }
    });
    it("fails at once with the last log lines when the server dies", async () => {
        await project.stack.setConfig("settings", { value: '{"shared_buffers": "nonsense"}' });
        const started = Date.now();
        const output = await failedUp();
        strict_1.default.ok(Date.now() - started < 60_000, "it did not wait for the timeout");
        strict_1.default.match(output, /died before its server answered/);
        strict_1.default.match(output, /invalid value for parameter "shared_buffers": "nonsense"/);
    });
    it("says how to get rid of a volume whose initialisation broke off, and works after that", async () => {
        await project.stack.setConfig("settings", { value: '{"shared_buffers": "nonsense"}' });
        const output = await failedUp();
        const remedy = /remove both before the next try, with "(docker rm --force \S+ && docker volume rm \S+)"/.exec(output)?.[1];
        strict_1.default.ok(remedy, output);
        await (0, execa_1.execa)("bash", ["-ec", remedy]);
        await project.stack.setConfig("settings", { value: '{"shared_buffers": "64MB"}' });
        const { outputs } = await project.stack.up();
        strict_1.default.match(String(outputs["backupId"]?.value), /^\d{8}T\d{6}Z$/);
    });
});
