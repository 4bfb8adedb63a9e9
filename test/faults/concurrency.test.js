"use strict";
var __importDefault = (this && this.__importDefault) || function (mod) {
    return (mod && mod.__esModule) ? mod : { "default": mod };
};
Object.defineProperty(exports, "__esModule", { value: true });
const strict_1 = __importDefault(require("node:assert/strict"));
const promises_1 = require("node:fs/promises");
const node_path_1 = __importDefault(require("node:path"));
const backup_scene_1 = require("../support/backup-scene");
const nothing_lost_1 = require("../support/nothing-lost");
describe("two runs of one backup at once", function () {
    this.timeout(120_000);
    let scene;
    before(async () => {
        scene = await (0, backup_scene_1.setScene)();
    });
    after(() => scene.remove());
    it("let the first go on and refuse the second", async () => {
        const args = { container: scene.container, directory: scene.directory({ mounted: true }) };
        const series = node_path_1.default.join(args.directory, "cbm");
        const small = await (0, backup_scene_1.takeBackup)({ ...args, table: "small" });
        const before = await (0, nothing_lost_1.rememberBackups)(args.container, args.directory);
        const first = (0, backup_scene_1.startBackup)({ ...args, table: "large" });
        await (0, backup_scene_1.dumping)(args.container);
        const second = await (0, backup_scene_1.startBackup)({ ...args, table: "large" }).ended;
        strict_1.default.match(second.stderr, /^error\[backup-in-progress\]: Another run of backup "cbm"/m);
        strict_1.default.equal(second.exitCode, 1);
        strict_1.default.ok((await (0, promises_1.readdir)(series)).some((name) => name.endsWith(".partial")), "the first goes on");
        first.child.kill("SIGTERM");
        await (0, nothing_lost_1.expectNothingLost)(before, await first.ended, { code: "interrupted", message: /SIGTERM/ });
        const next = await (0, backup_scene_1.takeBackup)({ ...args, table: "small" });
        strict_1.default.ok(next > small);
    });
});
