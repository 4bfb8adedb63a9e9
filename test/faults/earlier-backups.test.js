"use strict";
var __importDefault = (this && this.__importDefault) || function (mod) {
    return (mod && mod.__esModule) ? mod : { "default": mod };
};
Object.defineProperty(exports, "__esModule", { value: true });
const strict_1 = __importDefault(require("node:assert/strict"));
const node_fs_1 = require("node:fs");
const promises_1 = require("node:fs/promises");
const node_path_1 = __importDefault(require("node:path"));
const request_1 = require("../../runner/request");
const folder_1 = require("../../runner/store/folder");
const container_1 = require("../support/container");
const resources_1 = require("../support/resources");
const runner_1 = require("../support/runner");
const series_1 = require("../support/series");
describe("a new backup in a series whose earlier backups are not as they should be", function () {
    this.timeout(120_000);
    let container;
    let directory;
    const series = (...below) => node_path_1.default.join(directory, "cbm", ...below);
    const place = () => ["--directory", directory, "--name", "cbm"];
    before(async () => {
        directory = await (0, resources_1.temporaryFolder)();
        container = await (0, container_1.startServer)({ mount: directory });
        await (0, resources_1.sql)(container, "CREATE TABLE t AS SELECT 1 AS x");
    });
    after(async () => {
        await (0, resources_1.removeContainer)(container);
        await (0, resources_1.removeFolder)(directory);
    });
    afterEach(() => (0, promises_1.rm)(series(), { recursive: true, force: true }));
    async function backup(...rules) {
        const { exitCode, stdout, stderr } = await (0, runner_1.runRunner)([
            "backup",
            "--container",
            container,
            "--table",
            "t",
            ...place(),
            ...rules,
            "--json",
        ]);
        strict_1.default.equal(exitCode, 0, stderr);
        return { ...request_1.BackupResult.parse(JSON.parse(stdout)), stderr };
    }
    async function listed() {
        const { exitCode, stdout, stderr } = await (0, runner_1.runRunner)(["list", ...place(), "--json"]);
        strict_1.default.equal(exitCode, 0, stderr);
        return JSON.parse(stdout);
    }
    it("is taken beside one whose manifest is unreadable; that one is shown, and never removed", async () => {
        const [damaged, old] = ["20261001T000000Z", "20261002T000000Z"];
        await (0, promises_1.writeFile)(node_path_1.default.join(await (0, series_1.writeBackup)(directory, damaged), "manifest.json"), "\0\0\0");
        await (0, series_1.writeBackup)(directory, old);
        const { backupId: id, pruned, alarm, stderr } = await backup("--keep-last", "1");
        strict_1.default.deepEqual([pruned, alarm], [[old], undefined]);
        strict_1.default.match(stderr, /^warning: Backup \S*20261001T000000Z is damaged: manifest\.json is not JSON/m);
        strict_1.default.deepEqual((await listed()).map((entry) => [entry.id, entry.problem]), [
            [damaged, "manifest.json is not JSON"],
            [id, undefined],
        ]);
        strict_1.default.ok((0, node_fs_1.existsSync)(series(damaged, "archive", "0.dat")));
    });
    it("is the latest, though a clock that was ahead dated another later, and both stay", async () => {
        const future = (0, folder_1.backupId)(new Date(Date.now() + 30 * 24 * 60 * 60 * 1000));
        await (0, series_1.writeBackup)(directory, future);
        const first = await backup("--keep-last", "1", "--min-size-ratio", "1");
        strict_1.default.deepEqual([first.pruned, first.alarm], [[], undefined]);
        strict_1.default.equal(await (0, promises_1.readlink)(series("latest")), first.backupId);
        strict_1.default.deepEqual((await listed()).map(({ id, latest }) => [id, latest]), [
            [first.backupId, true],
            [future, false],
        ]);
        const { stdout } = await (0, runner_1.runRunner)(["prune", ...place(), "--keep-last", "1", "--json"]);
        strict_1.default.deepEqual(JSON.parse(stdout).removed, []);
        const second = await backup("--keep-last", "2");
        strict_1.default.deepEqual(second.pruned, [], "the one of the future does not count");
        strict_1.default.deepEqual((await (0, promises_1.readdir)(series())).sort(), [first.backupId, second.backupId, future, "latest"]);
    });
    it("is kept, with an alarm, when its retention cannot look at the others", async () => {
        await (0, series_1.writeBackup)(node_path_1.default.join(directory, "disk"), "20261001T000000Z");
        await (0, promises_1.rm)(series(), { recursive: true, force: true });
        await (0, promises_1.symlink)("disk/cbm", series());
        const { backupId: id, pruned, alarm, stderr } = await backup("--keep-last", "1");
        strict_1.default.deepEqual(pruned, []);
        strict_1.default.match(alarm ?? "", /cbm is a symbolic link, and nothing is removed through one/);
        strict_1.default.match(stderr, /^warning: \S+cbm is a symbolic link/m);
        strict_1.default.deepEqual((await (0, promises_1.readdir)(node_path_1.default.join(directory, "disk", "cbm"))).sort(), [
            "20261001T000000Z",
            id,
            "latest",
        ]);
    });
});
