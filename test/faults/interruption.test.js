"use strict";
var __importDefault = (this && this.__importDefault) || function (mod) {
    return (mod && mod.__esModule) ? mod : { "default": mod };
};
Object.defineProperty(exports, "__esModule", { value: true });
const strict_1 = __importDefault(require("node:assert/strict"));
const execa_1 = require("execa");
const backup_scene_1 = require("../support/backup-scene");
const nothing_lost_1 = require("../support/nothing-lost");
describe("a backup whose runner is told to end", function () {
    this.timeout(120_000);
    let scene;
    before(async () => {
        scene = await (0, backup_scene_1.setScene)();
    });
    after(() => scene.remove());
    for (const way of backup_scene_1.ways) {
        for (const signal of ["SIGINT", "SIGTERM", "SIGKILL"]) {
            it(`by ${signal} leaves no process, no session and no half backup (${way.title})`, async () => {
                const { container } = scene;
                const args = { container, directory: scene.directory(way), format: way.format };
                await (0, backup_scene_1.takeBackup)({ ...args, table: "small" });
                const before = await (0, nothing_lost_1.rememberBackups)(container, args.directory);
                const { child, ended } = (0, backup_scene_1.startBackup)({ ...args, table: "large" });
                await (0, backup_scene_1.dumping)(container);
                child.kill(signal);
                const killed = signal === "SIGKILL";
                await (0, nothing_lost_1.expectNothingLost)(before, await ended, {
                    code: killed ? undefined : "interrupted",
                    message: new RegExp(`Interrupted by ${signal}`),
                    partial: killed ? "left" : "removed",
                });
            });
        }
    }
    it("never makes the server take one of its processes for a crashed backend", async () => {
        const { all } = await (0, execa_1.execa)("docker", ["logs", scene.container], { all: true });
        strict_1.default.match(all, /database system is ready to accept connections/);
        strict_1.default.doesNotMatch(all, /terminating any other active server processes|was terminated by signal/);
    });
});
