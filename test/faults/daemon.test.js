"use strict";
var __importDefault = (this && this.__importDefault) || function (mod) {
    return (mod && mod.__esModule) ? mod : { "default": mod };
};
Object.defineProperty(exports, "__esModule", { value: true });
const strict_1 = __importDefault(require("node:assert/strict"));
const execa_1 = require("execa");
const backup_scene_1 = require("../support/backup-scene");
const container_1 = require("../support/container");
const environment_1 = require("../support/environment");
const nothing_lost_1 = require("../support/nothing-lost");
const second_daemon_1 = require("../support/second-daemon");
/** Needs the right to start a daemon. */
describe("a backup whose Docker daemon", function () {
    this.timeout(300_000);
    const machines = process.env["DOCKER_HOST"];
    let daemon;
    let scene;
    before(async () => {
        const { image } = await environment_1.environment;
        daemon = await second_daemon_1.SecondDaemon.create();
        await daemon.start();
        await daemon.load(image);
        // All that the tests and the runner do with Docker is now done there.
        process.env["DOCKER_HOST"] = daemon.address;
        scene = await (0, backup_scene_1.setScene)({ options: ["--network", "none"] });
    });
    after(async () => {
        await scene.remove();
        if (machines === undefined)
            delete process.env["DOCKER_HOST"];
        else
            process.env["DOCKER_HOST"] = machines;
        await daemon.remove();
    });
    for (const { title, signal, message } of [
        { title: "is killed", signal: "SIGKILL", message: /No Docker daemon answers/ },
        {
            title: "is restarted",
            signal: "SIGTERM",
            message: /No Docker daemon answers|stopped while it was in use/,
        },
    ]) {
        it(`${title} ends and keeps nothing`, async () => {
            const { container } = scene;
            const args = { container, directory: scene.directory({ mounted: true }) };
            await (0, backup_scene_1.takeBackup)({ ...args, table: "small" });
            const before = await (0, nothing_lost_1.rememberBackups)(container, args.directory);
            const { ended } = (0, backup_scene_1.startBackup)({ ...args, table: "large" });
            await (0, backup_scene_1.dumping)(container);
            const struck = performance.now();
            const gone = daemon.end(signal);
            const outcome = await ended;
            const seconds = (performance.now() - struck) / 1000;
            strict_1.default.ok(seconds < 12, `the runner took ${seconds.toFixed(1)} s to give up`);
            await gone;
            await daemon.start();
            await (0, execa_1.execa)("docker", ["start", container]);
            await new container_1.TestContainer(container).ready();
            const code = outcome.stderr.includes("[container-lost]") ? "container-lost" : "docker-unreachable";
            await (0, nothing_lost_1.expectNothingLost)(before, outcome, { code, message });
            await (0, backup_scene_1.takeBackup)({ ...args, table: "small" });
        });
    }
});
