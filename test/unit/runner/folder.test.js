"use strict";
var __importDefault = (this && this.__importDefault) || function (mod) {
    return (mod && mod.__esModule) ? mod : { "default": mod };
};
Object.defineProperty(exports, "__esModule", { value: true });
const strict_1 = __importDefault(require("node:assert/strict"));
const node_fs_1 = require("node:fs");
const promises_1 = require("node:fs/promises");
const node_path_1 = __importDefault(require("node:path"));
const files_1 = require("../../../runner/store/files");
const folder_1 = require("../../../runner/store/folder");
const resources_1 = require("../../support/resources");
describe("a folder of backups", () => {
    let folder;
    beforeEach(async () => {
        folder = await (0, resources_1.temporaryFolder)();
    });
    afterEach(() => (0, resources_1.removeFolder)(folder));
    it("names backups by the time in UTC", () => {
        strict_1.default.equal((0, folder_1.backupId)(new Date("2026-11-22T08:15:00.123Z")), "20261122T081500Z");
    });
    it("shows a backup under its name only when it is published, and then as the latest", async () => {
        const pending = await (0, folder_1.beginBackup)(folder, "cbm", "key");
        await (0, promises_1.writeFile)(node_path_1.default.join(pending.workPath, "manifest.json"), "{}");
        strict_1.default.ok(!(0, node_fs_1.existsSync)(pending.finalPath));
        strict_1.default.equal(node_path_1.default.basename(pending.workPath), `.${pending.id}.partial`);
        await (0, folder_1.publishBackup)(pending);
        strict_1.default.equal(await (0, promises_1.readlink)(node_path_1.default.join(folder, "cbm", "latest")), pending.id);
        strict_1.default.equal((0, node_fs_1.readFileSync)(node_path_1.default.join(folder, "cbm", "latest", "manifest.json"), "utf8"), "{}");
        strict_1.default.deepEqual((await (0, promises_1.readdir)(node_path_1.default.join(folder, "cbm"))).sort(), [pending.id, "latest"]);
    });
    it("leaves nothing of a discarded backup, and the latest as it was", async () => {
        const first = await (0, folder_1.beginBackup)(folder, "cbm", "key");
        await (0, folder_1.publishBackup)(first);
        const second = await (0, folder_1.beginBackup)(folder, "cbm", "key");
        await (0, promises_1.writeFile)(node_path_1.default.join(second.workPath, "half"), "");
        await (0, folder_1.discardBackup)(second);
        strict_1.default.deepEqual((await (0, promises_1.readdir)(node_path_1.default.join(folder, "cbm"))).sort(), [first.id, "latest"]);
        strict_1.default.equal(await (0, promises_1.readlink)(node_path_1.default.join(folder, "cbm", "latest")), first.id);
    });
    it("never gives two runs the same id", async () => {
        const runs = await Promise.all(["a", "b", "c"].map((key) => (0, folder_1.beginBackup)(folder, "cbm", key)));
        strict_1.default.equal(new Set(runs.map(({ id }) => id)).size, 3);
    });
    it("is rid of what a dead run with the same key left, and of nothing else", async () => {
        const [dead, other] = [
            await (0, folder_1.beginBackup)(folder, "cbm", "key"),
            await (0, folder_1.beginBackup)(folder, "cbm", "other"),
        ];
        const own = node_path_1.default.join(folder, "cbm", ".notes.partial");
        await (0, promises_1.writeFile)(own, "");
        await (0, folder_1.beginBackup)(folder, "cbm", "key");
        strict_1.default.ok(!(0, node_fs_1.existsSync)(dead.workPath));
        strict_1.default.ok((0, node_fs_1.existsSync)(other.workPath) && (0, node_fs_1.existsSync)(own));
    });
    it("is its owner's alone", async () => {
        const { workPath } = await (0, folder_1.beginBackup)(folder, "cbm", "key");
        strict_1.default.equal((await (0, promises_1.stat)(workPath)).mode & 0o777, 0o700);
        strict_1.default.equal((await (0, promises_1.stat)(node_path_1.default.dirname(workPath))).mode & 0o777, 0o700);
    });
    it("that cannot be written is an error that names it", async () => {
        await (0, promises_1.writeFile)(node_path_1.default.join(folder, "file"), "");
        await strict_1.default.rejects((0, folder_1.beginBackup)(node_path_1.default.join(folder, "file"), "cbm", "key"), /file\/cbm cannot be written: .*Choose another directory/);
    });
    it("knows size and SHA-256 of every file", async () => {
        await (0, promises_1.mkdir)(node_path_1.default.join(folder, "archive"));
        await (0, promises_1.writeFile)(node_path_1.default.join(folder, "archive", "1.dat"), "abc");
        await (0, promises_1.writeFile)(node_path_1.default.join(folder, "z"), "");
        strict_1.default.deepEqual(await (0, files_1.sealFiles)(folder), [
            {
                path: "archive/1.dat",
                bytes: 3,
                sha256: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
            },
            { path: "z", bytes: 0, sha256: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
        ]);
    });
});
