"use strict";
var __importDefault = (this && this.__importDefault) || function (mod) {
    return (mod && mod.__esModule) ? mod : { "default": mod };
};
Object.defineProperty(exports, "__esModule", { value: true });
const strict_1 = __importDefault(require("node:assert/strict"));
const execa_1 = require("execa");
const backup_scene_1 = require("../support/backup-scene");
const container_1 = require("../support/container");
const nothing_lost_1 = require("../support/nothing-lost");
const someWays = backup_scene_1.ways.filter(({ format, mounted }) => mounted === (format === "directory") && format !== "plain");
const faults = [
    {
        title: "is killed",
        command: ["kill"],
        undo: ["start"],
        code: "container-lost",
        message: /Container ".*" stopped while it was in use: it is exited with exit code 137;.*docker logs/,
        container: "gone",
    },
    {
        title: "is stopped",
        command: ["stop"],
        undo: ["start"],
        code: "container-lost",
        message: /Container ".*" stopped while it was in use: it is exited with exit code 0;/,
        container: "gone",
    },
    {
        title: "is restarted",
        command: ["restart"],
        code: "container-lost",
        message: /Container ".*" was restarted while it was in use/,
    },
    {
        title: "is paused",
        command: ["pause"],
        code: "container-not-running",
        message: /Container ".*" was paused while it was in use\. Run "docker unpause/,
    },
    {
        title: "is removed",
        command: ["rm", "--force", "--volumes"],
        code: "container-lost",
        message: /Container ".*" was removed while it was in use/,
        container: "gone",
    },
];
describe("a backup whose container", function () {
    this.timeout(120_000);
    for (const way of someWays) {
        describe(`(${way.title})`, () => {
            let scene;
            before(async () => {
                scene = await (0, backup_scene_1.setScene)();
            });
            after(() => scene.remove());
            for (const { title, command, undo, ...expected } of faults) {
                it(`${title} ends within ten seconds and keeps nothing`, async () => {
                    const { container } = scene;
                    const args = { container, directory: scene.directory(way), format: way.format };
                    await (0, backup_scene_1.takeBackup)({ ...args, table: "small" });
                    const before = await (0, nothing_lost_1.rememberBackups)(container, args.directory);
                    const { ended } = (0, backup_scene_1.startBackup)({ ...args, table: "large" });
                    await (0, backup_scene_1.dumping)(container);
                    const struck = performance.now();
                    const strike = (0, execa_1.execa)("docker", [...command, container]);
                    const outcome = await ended;
                    const seconds = (performance.now() - struck) / 1000;
                    await strike;
                    strict_1.default.ok(seconds < 12, `the runner took ${seconds.toFixed(1)} s to give up`);
                    if (title === "is paused")
                        await (0, execa_1.execa)("docker", ["unpause", container]);
                    await (0, nothing_lost_1.expectNothingLost)(before, outcome, expected);
                    if (undo === undefined)
                        return;
                    await (0, execa_1.execa)("docker", [...undo, container]);
                    await new container_1.TestContainer(container).ready();
                });
            }
        });
    }
});
