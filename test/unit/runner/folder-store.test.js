"use strict";
var __importDefault = (this && this.__importDefault) || function (mod) {
    return (mod && mod.__esModule) ? mod : { "default": mod };
};
Object.defineProperty(exports, "__esModule", { value: true });
const strict_1 = __importDefault(require("node:assert/strict"));
const node_fs_1 = require("node:fs");
const promises_1 = require("node:fs/promises");
const node_path_1 = __importDefault(require("node:path"));
const folder_store_1 = require("../../../runner/store/folder-store");
const store_1 = require("../../../runner/store/store");
const resources_1 = require("../../support/resources");
const series_1 = require("../../support/series");
const first = "20261121T080000Z";
const second = "20261122T080000Z";
describe("a store of backups in a folder", () => {
    let directory;
    beforeEach(async () => {
        directory = await (0, resources_1.temporaryFolder)();
    });
    afterEach(() => (0, resources_1.removeFolder)(directory));
    const only = async () => {
        const [backup, ...more] = await (0, folder_store_1.folderStore)(directory).backups("cbm");
        strict_1.default.ok(backup);
        strict_1.default.deepEqual(more, []);
        return backup;
    };
    it("reads its backups, the oldest first, and looks at nothing else", async () => {
        await (0, series_1.writeBackup)(directory, second, { bytes: 1000, files: 2 });
        await (0, series_1.writeBackup)(directory, first);
        const series = node_path_1.default.join(directory, "cbm");
        for (const name of ["2026", `.${first}.partial`, `.${first}.removed`, "20261399T080000Z", "notes"])
            await (0, promises_1.mkdir)(node_path_1.default.join(series, name));
        await (0, promises_1.writeFile)(node_path_1.default.join(series, "20261120T080000Z"), "a file");
        await (0, promises_1.symlink)(first, node_path_1.default.join(series, "20261119T080000Z"));
        await (0, promises_1.symlink)(first, node_path_1.default.join(series, "latest"));
        const backups = await (0, folder_store_1.folderStore)(directory).backups("cbm");
        strict_1.default.deepEqual(backups.map(({ id, latest, problem }) => [id, latest, problem]), [
            [first, true, undefined],
            [second, false, undefined],
        ]);
        const newest = backups[1];
        strict_1.default.deepEqual(newest?.manifest, (0, series_1.sampleManifest)(second, { bytes: 1000, files: 2 }));
        strict_1.default.equal(newest.location, node_path_1.default.join(series, second));
        strict_1.default.equal(newest.startedAt.toISOString(), "2026-11-22T08:00:00.000Z");
        strict_1.default.equal(newest.bytes, 3000 + JSON.stringify(newest.manifest).length);
    });
    it("takes the newest good backup for the latest where the link points nowhere", async () => {
        await (0, series_1.writeBackup)(directory, first);
        await (0, promises_1.rm)(node_path_1.default.join(await (0, series_1.writeBackup)(directory, second), "manifest.json"));
        await (0, promises_1.symlink)("20261120T080000Z", node_path_1.default.join(directory, "cbm", "latest"));
        strict_1.default.equal((await (0, store_1.findBackup)((0, folder_store_1.folderStore)(directory), "cbm", "latest")).id, first);
    });
    for (const [title, change, problem] of [
        [
            "has no manifest",
            (folder) => (0, promises_1.rm)(node_path_1.default.join(folder, "manifest.json")),
            /^manifest.json is missing$/,
        ],
        [
            "has a manifest that is not JSON",
            (folder) => (0, promises_1.writeFile)(node_path_1.default.join(folder, "manifest.json"), "{"),
            /^manifest.json is not JSON$/,
        ],
        [
            "has a manifest of another make",
            (folder) => (0, promises_1.writeFile)(node_path_1.default.join(folder, "manifest.json"), JSON.stringify({ ...(0, series_1.sampleManifest)(first), manifestVersion: 2 })),
            /^manifest.json is not as it should be: manifestVersion: /,
        ],
        [
            "has a manifest that cannot be read",
            async (folder) => {
                await (0, promises_1.rm)(node_path_1.default.join(folder, "manifest.json"));
                await (0, promises_1.mkdir)(node_path_1.default.join(folder, "manifest.json"));
            },
            /^manifest.json cannot be read: EISDIR/,
        ],
        [
            "has the manifest of another backup",
            (folder) => (0, promises_1.writeFile)(node_path_1.default.join(folder, "manifest.json"), JSON.stringify((0, series_1.sampleManifest)(second))),
            /^its manifest is that of cbm\/20261122T080000Z$/,
        ],
        [
            "has the manifest of another series",
            (folder) => (0, promises_1.writeFile)(node_path_1.default.join(folder, "manifest.json"), JSON.stringify((0, series_1.sampleManifest)(first, { name: "other" }))),
            /^its manifest is that of other\/20261121T080000Z$/,
        ],
        [
            "lacks a file",
            (folder) => (0, promises_1.rm)(node_path_1.default.join(folder, "archive", "0.dat")),
            /^archive\/0\.dat is missing$/,
        ],
        [
            "has a link in place of a file",
            async (folder) => {
                await (0, promises_1.rm)(node_path_1.default.join(folder, "archive", "0.dat"));
                await (0, promises_1.symlink)("../prepare.sql", node_path_1.default.join(folder, "archive", "0.dat"));
            },
            /^archive\/0\.dat is missing$/,
        ],
        [
            "has a file that was cut off",
            (folder) => (0, promises_1.truncate)(node_path_1.default.join(folder, "archive", "0.dat"), 3),
            /^archive\/0\.dat has 3 bytes instead of 10$/,
        ],
    ]) {
        it(`shows a backup as damaged that ${title}`, async () => {
            await change(await (0, series_1.writeBackup)(directory, first));
            strict_1.default.match((await only()).problem ?? "good", problem);
        });
    }
    it("marks a backup, and takes the mark away, as often as it is told", async () => {
        const folder = await (0, series_1.writeBackup)(directory, first);
        const store = (0, folder_store_1.folderStore)(directory);
        for (const kept of [true, true, false, false]) {
            await store.mark("cbm", first, kept);
            const backup = await only();
            strict_1.default.equal(backup.kept, kept);
            strict_1.default.equal(backup.problem, undefined);
        }
        await store.mark("cbm", first, true);
        strict_1.default.deepEqual((await (0, promises_1.readdir)(folder)).sort(), ["archive", "keep", "manifest.json", "prepare.sql"]);
    });
    it("removes a backup with all files of its own", async () => {
        await (0, series_1.writeBackup)(directory, second);
        const folder = await (0, series_1.writeBackup)(directory, first, { files: 3 });
        await (0, promises_1.writeFile)(node_path_1.default.join(folder, "SHA256SUMS"), "");
        strict_1.default.deepEqual(await (0, folder_store_1.folderStore)(directory).remove("cbm", first), { id: first });
        strict_1.default.deepEqual(await (0, promises_1.readdir)(node_path_1.default.join(directory, "cbm")), [second]);
    });
    it("removes nothing of a backup that is marked or damaged", async () => {
        const folder = await (0, series_1.writeBackup)(directory, first);
        const store = (0, folder_store_1.folderStore)(directory);
        await store.mark("cbm", first, true);
        strict_1.default.deepEqual(await store.remove("cbm", first), { id: first, left: 'it is marked "keep"' });
        await store.mark("cbm", first, false);
        await (0, promises_1.writeFile)(node_path_1.default.join(folder, "manifest.json"), "{");
        strict_1.default.match((await store.remove("cbm", first)).left ?? "removed", /archive.* not part of the backup/);
        strict_1.default.ok((0, node_fs_1.existsSync)(node_path_1.default.join(folder, "archive", "0.dat")));
    });
    it("takes a link for no file of a backup, whatever its name", async () => {
        const folder = await (0, series_1.writeBackup)(directory, first);
        await (0, promises_1.symlink)("/etc/hostname", node_path_1.default.join(folder, "SHA256SUMS"));
        strict_1.default.deepEqual(await (0, folder_store_1.folderStore)(directory).remove("cbm", first), {
            id: first,
            left: "it contains SHA256SUMS, which is not part of the backup",
        });
    });
    it("gives its name back to a backup that was marked in the moment of its removal", async () => {
        const folder = await (0, series_1.writeBackup)(directory, first);
        const hidden = node_path_1.default.join(directory, "cbm", `.${first}.removed`);
        await (0, promises_1.writeFile)(node_path_1.default.join(folder, "keep"), "");
        await (0, promises_1.rename)(folder, hidden);
        const [removal] = await (0, folder_store_1.folderStore)(directory).finishRemovals("cbm");
        strict_1.default.deepEqual(removal, { id: first, left: 'it is marked "keep"' });
        const backup = await only();
        strict_1.default.deepEqual([backup.id, backup.kept, backup.problem], [first, true, undefined]);
    });
    it("says what there is when a backup, a series or the folder is missing", async () => {
        const store = (0, folder_store_1.folderStore)(directory);
        await strict_1.default.rejects((0, store_1.existingBackups)(store, "cbm"), {
            code: "backup-not-found",
            message: /^There is no backup of "cbm" in .* It has no backups at all\.$/,
        });
        await (0, series_1.writeBackup)(directory, first);
        await (0, series_1.writeBackup)(directory, second, { name: "other" });
        await (0, promises_1.mkdir)(node_path_1.default.join(directory, "empty"));
        await strict_1.default.rejects((0, store_1.existingBackups)(store, "x"), { message: /It has backups of: cbm, other\.$/ });
        await strict_1.default.rejects((0, store_1.findBackup)(store, "cbm", second), {
            code: "backup-not-found",
            message: /There are, newest first: 20261121T080000Z\.$/,
        });
        await strict_1.default.rejects((0, folder_store_1.folderStore)(node_path_1.default.join(directory, "no")).series(), {
            code: "directory-not-readable",
            message: /^There is no folder .*no\. Name the folder that holds the backups\.$/,
        });
    });
});
