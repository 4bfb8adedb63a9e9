"use strict";
var __importDefault = (this && this.__importDefault) || function (mod) {
    return (mod && mod.__esModule) ? mod : { "default": mod };
};
Object.defineProperty(exports, "__esModule", { value: true });
const strict_1 = __importDefault(require("node:assert/strict"));
const node_child_process_1 = require("node:child_process");
const node_events_1 = require("node:events");
const node_fs_1 = require("node:fs");
const promises_1 = require("node:fs/promises");
const node_path_1 = __importDefault(require("node:path"));
const resources_1 = require("../support/resources");
const runner_1 = require("../support/runner");
const series_1 = require("../support/series");
const [oldest, older, newest] = ["20261120T080000Z", "20261121T080000Z", "20261122T080000Z"];
describe("pruning, when something is wrong", function () {
    this.timeout(60_000);
    let directory;
    const series = (...below) => node_path_1.default.join(directory, "cbm", ...below);
    const pruneArguments = ["--name", "cbm", "--keep-last", "1"];
    const prune = (...more) => (0, runner_1.runRunner)(["prune", "--directory", directory, ...pruneArguments, "--json", ...more]);
    beforeEach(async () => {
        directory = await (0, resources_1.temporaryFolder)();
    });
    afterEach(() => (0, resources_1.removeFolder)(directory));
    async function pruned(...more) {
        const { exitCode, stdout, stderr } = await prune(...more);
        strict_1.default.equal(exitCode, 0, stderr);
        return { ...JSON.parse(stdout), stderr };
    }
    it("leaves a backup that has files of the user's own wholly alone, and says so", async () => {
        await (0, series_1.writeBackup)(directory, newest);
        await (0, series_1.writeBackup)(directory, older);
        const folder = await (0, series_1.writeBackup)(directory, oldest);
        await (0, promises_1.mkdir)(node_path_1.default.join(folder, "archive", "mine"));
        await (0, promises_1.writeFile)(node_path_1.default.join(folder, "archive", "mine", "notes.txt"), "do not lose this");
        const { removed, left, stderr } = await pruned();
        strict_1.default.deepEqual(removed, [older]);
        strict_1.default.deepEqual(left, [
            { id: oldest, reason: "it contains archive/mine, which is not part of the backup" },
        ]);
        strict_1.default.match(stderr, /^warning: Backup 20261120T080000Z was not removed: it contains archive\/mine/);
        strict_1.default.equal(await (0, promises_1.readFile)(node_path_1.default.join(folder, "archive", "mine", "notes.txt"), "utf8"), "do not lose this");
        strict_1.default.deepEqual((await (0, promises_1.readdir)(folder)).sort(), ["archive", "manifest.json", "prepare.sql"]);
    });
    it("never removes anything through a symbolic link", async () => {
        const outside = node_path_1.default.join(directory, "outside");
        await (0, promises_1.mkdir)(outside);
        await (0, promises_1.writeFile)(node_path_1.default.join(outside, "precious"), "gold");
        await (0, series_1.writeBackup)(directory, newest);
        await (0, series_1.writeBackup)(directory, older);
        await (0, promises_1.rename)(await (0, series_1.writeBackup)(directory, "20261101T080000Z"), node_path_1.default.join(outside, "backup"));
        await (0, promises_1.symlink)(node_path_1.default.join(outside, "backup"), series("20261101T080000Z"));
        await (0, promises_1.symlink)(outside, series(".20261102T080000Z.removed"));
        await (0, promises_1.symlink)(outside, node_path_1.default.join(await (0, series_1.writeBackup)(directory, oldest), "archive", "link"));
        const { removed, left } = await pruned();
        strict_1.default.deepEqual(removed, [older]);
        strict_1.default.deepEqual(left.map(({ id }) => id), [oldest]);
        strict_1.default.equal(await (0, promises_1.readFile)(node_path_1.default.join(outside, "precious"), "utf8"), "gold");
        strict_1.default.ok((0, node_fs_1.existsSync)(node_path_1.default.join(outside, "backup", "archive", "0.dat")));
        strict_1.default.ok((0, node_fs_1.existsSync)(series(oldest, "archive", "0.dat")));
    });
    it("removes nothing through a series that is a symbolic link, and lists it all the same", async () => {
        const elsewhere = node_path_1.default.join(directory, "disk");
        await (0, series_1.writeBackup)(elsewhere, newest);
        await (0, series_1.writeBackup)(elsewhere, older);
        await (0, promises_1.symlink)(node_path_1.default.join(elsewhere, "cbm"), series());
        const { exitCode, stdout, stderr } = await prune();
        strict_1.default.equal(exitCode, 1);
        strict_1.default.equal(stdout, "");
        strict_1.default.match(stderr, /^error\[directory-not-writable\]: \S+\/cbm is a symbolic link, .* Name the folder/);
        const listed = await (0, runner_1.runRunner)(["list", "--directory", directory, "--name", "cbm"]);
        strict_1.default.match(listed.stdout, new RegExp(`${older}[^]*${newest}`));
        strict_1.default.deepEqual((await (0, promises_1.readdir)(node_path_1.default.join(elsewhere, "cbm"))).sort(), [older, newest]);
    });
    it("ends, in the next run, a removal that was killed, and nobody takes its half for a backup", async () => {
        await (0, series_1.writeBackup)(directory, newest);
        await (0, series_1.writeBackup)(directory, oldest, { files: 5000 });
        const hidden = series(`.${oldest}.removed`);
        const runner = (0, node_child_process_1.spawn)("node", [runner_1.runnerMain, "prune", "--directory", directory, ...pruneArguments]);
        while (!(0, node_fs_1.existsSync)(hidden)) {
            strict_1.default.equal(runner.exitCode, null, "it ended before it was seen at work");
            await new Promise((resolve) => setImmediate(resolve));
        }
        while ((await (0, promises_1.readdir)(node_path_1.default.join(hidden, "archive"))).length === 5000)
            ;
        runner.kill("SIGKILL");
        const [code] = (await (0, node_events_1.once)(runner, "close"));
        strict_1.default.equal(code, null);
        strict_1.default.deepEqual((await (0, promises_1.readdir)(series())).sort(), [`.${oldest}.removed`, newest]);
        const half = (await (0, promises_1.readdir)(node_path_1.default.join(hidden, "archive"))).length;
        strict_1.default.ok(half > 0 && half < 5000, `${half} files are left`);
        const { stdout } = await (0, runner_1.runRunner)(["list", "--directory", directory, "--json"]);
        strict_1.default.deepEqual(JSON.parse(stdout).map(({ id }) => id), [newest]);
        strict_1.default.deepEqual((await pruned("--dry-run")).removed, []);
        strict_1.default.ok((0, node_fs_1.existsSync)(hidden), "a dry run removes nothing");
        strict_1.default.deepEqual((await pruned()).removed, [oldest]);
        strict_1.default.deepEqual(await (0, promises_1.readdir)(series()), [newest]);
    });
    it("leaves alone what somebody put into a removal that was cut off", async () => {
        await (0, series_1.writeBackup)(directory, newest);
        const hidden = series(`.${oldest}.removed`);
        await (0, promises_1.rename)(await (0, series_1.writeBackup)(directory, oldest), hidden);
        await (0, promises_1.writeFile)(node_path_1.default.join(hidden, "notes.txt"), "mine");
        const { removed, left } = await pruned();
        strict_1.default.deepEqual(removed, []);
        strict_1.default.match(left[0]?.reason ?? "", /\.removed: it contains notes\.txt, which is not part of the backup$/);
        strict_1.default.equal(await (0, promises_1.readFile)(node_path_1.default.join(hidden, "notes.txt"), "utf8"), "mine");
    });
    it("works twice at once: both succeed, all that should go is gone, and the rest is whole", async () => {
        const old = Array.from({ length: 6 }, (_, index) => `202610${10 + index}T080000Z`);
        for (const id of old)
            await (0, series_1.writeBackup)(directory, id, { files: 400 });
        await (0, series_1.writeBackup)(directory, newest, { files: 400 });
        const runs = await Promise.all([prune(), prune(), prune()]);
        for (const { exitCode, stderr } of runs) {
            strict_1.default.equal(exitCode, 0, stderr);
            strict_1.default.equal(stderr, "");
        }
        const removed = runs.flatMap(({ stdout }) => JSON.parse(stdout).removed);
        strict_1.default.deepEqual([...new Set(removed)].sort(), old);
        strict_1.default.deepEqual(await (0, promises_1.readdir)(series()), [newest]);
        strict_1.default.equal((await (0, promises_1.readdir)(series(newest, "archive"))).length, 400);
    });
    it("never removes a backup whose manifest is unreadable, and goes on with the others", async () => {
        await (0, series_1.writeBackup)(directory, newest);
        await (0, series_1.writeBackup)(directory, older);
        const damaged = await (0, series_1.writeBackup)(directory, oldest);
        await (0, promises_1.writeFile)(node_path_1.default.join(damaged, "manifest.json"), "\0garbage");
        const { removed, kept, stderr } = await pruned();
        strict_1.default.deepEqual(removed, [older]);
        strict_1.default.deepEqual(kept[0], { id: oldest, reasons: ["damaged"], problem: "manifest.json is not JSON" });
        strict_1.default.match(stderr, /^warning: Backup \S*20261120T080000Z is damaged: manifest\.json is not JSON\. It was left alone/);
        strict_1.default.ok((0, node_fs_1.existsSync)(node_path_1.default.join(damaged, "archive", "0.dat")));
    });
    it("never takes a damaged backup for the newest good one", async () => {
        await (0, series_1.writeBackup)(directory, older);
        await (0, series_1.writeBackup)(directory, oldest);
        await (0, promises_1.writeFile)(node_path_1.default.join(await (0, series_1.writeBackup)(directory, newest), "archive", "0.dat"), "short");
        strict_1.default.deepEqual((await pruned()).removed, [oldest]);
        strict_1.default.deepEqual((await (0, promises_1.readdir)(series())).sort(), [older, newest]);
    });
});
