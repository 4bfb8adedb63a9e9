"use strict";
var __importDefault = (this && this.__importDefault) || function (mod) {
    return (mod && mod.__esModule) ? mod : { "default": mod };
};
Object.defineProperty(exports, "__esModule", { value: true });
const strict_1 = __importDefault(require("node:assert/strict"));
const promises_1 = require("node:fs/promises");
const node_path_1 = __importDefault(require("node:path"));
const manifest_1 = require("../../runner/manifest");
const paths_1 = require("../../setup/paths");
const stack_1 = require("../support/stack");
const folder = node_path_1.default.join(paths_1.root, "examples", "daily");
describe("examples/daily", function () {
    this.timeout(120_000);
    let project;
    before(async () => {
        project = await (0, stack_1.createProject)(folder, await (0, promises_1.readdir)(folder));
    });
    after(() => (0, stack_1.removeProject)(project));
    it("takes its backup with the package by name", async () => {
        const { outputs } = await (0, stack_1.up)(project);
        const manifest = await (0, promises_1.readFile)(node_path_1.default.join(String(outputs["location"]), "manifest.json"), "utf8");
        const tables = manifest_1.Manifest.parse(JSON.parse(manifest)).tables.map(({ name, rows }) => [name, rows]);
        strict_1.default.deepEqual(tables, [
            ["dias_catalogue", 2],
            ["roi2020_S2_signatures", 100],
        ]);
    });
    it("is what the README shows", async () => {
        const [program, readme] = await Promise.all([
            (0, promises_1.readFile)(node_path_1.default.join(folder, "index.ts"), "utf8"),
            (0, promises_1.readFile)(node_path_1.default.join(paths_1.root, "README.md"), "utf8"),
        ]);
        strict_1.default.ok(readme.includes(`\`\`\`ts\n${program}\`\`\``));
    });
});
