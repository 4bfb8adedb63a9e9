"use strict";
var __importDefault = (this && this.__importDefault) || function (mod) {
    return (mod && mod.__esModule) ? mod : { "default": mod };
};
Object.defineProperty(exports, "__esModule", { value: true });
const promises_1 = require("node:fs/promises");
const node_path_1 = __importDefault(require("node:path"));
const execa_1 = require("execa");
const backup_scene_1 = require("../support/backup-scene");
const nothing_lost_1 = require("../support/nothing-lost");
describe("a backup whose folder", function () {
    this.timeout(120_000);
    let scene;
    before(async () => {
        // The fault shows only at the end of the dump, which is therefore short.
        scene = await (0, backup_scene_1.setScene)({ statements: (0, backup_scene_1.tables)(400_000) });
    });
    after(() => scene.remove());
    /** The hidden folder of the one run that is in progress. */
    async function workFolder(series) {
        const name = (await (0, promises_1.readdir)(series)).find((entry) => entry.endsWith(".partial"));
        if (name === undefined)
            throw new Error(`nothing is being written to ${series}`);
        return node_path_1.default.join(series, name);
    }
    for (const way of backup_scene_1.ways.filter(({ format, mounted }) => mounted === (format === "directory"))) {
        const args = (table) => ({
            container: scene.container,
            directory: scene.directory(way),
            format: way.format,
            table,
        });
        const series = () => node_path_1.default.join(scene.directory(way), "cbm");
        async function strike(fault) {
            await (0, backup_scene_1.takeBackup)(args("small"));
            const before = await (0, nothing_lost_1.rememberBackups)(scene.container, args("small").directory);
            const { ended } = (0, backup_scene_1.startBackup)(args("large"));
            await (0, backup_scene_1.dumping)(scene.container);
            await fault();
            return { before, outcome: await ended };
        }
        it(`is removed while it is written says so (${way.title})`, async () => {
            const { before, outcome } = await strike(async () => (0, promises_1.rm)(await workFolder(series()), { recursive: true, maxRetries: 5 }));
            await (0, nothing_lost_1.expectNothingLost)(before, outcome, {
                code: "directory-not-writable",
                message: /Somebody removed or moved \S+\.partial/,
            });
        });
        it(`is moved away says so (${way.title})`, async () => {
            const moved = `${series()}-moved`;
            const { before, outcome } = await strike(() => (0, promises_1.rename)(series(), moved));
            try {
                await (0, nothing_lost_1.expectNothingLost)(before, outcome, {
                    code: "directory-not-writable",
                    message: /Somebody removed or moved \S+\.partial/,
                    series: moved,
                    partial: "left",
                });
            }
            finally {
                await (0, promises_1.rename)(moved, series());
                await (0, promises_1.rm)(await workFolder(series()), { recursive: true });
            }
        });
        it(`is made read-only says so, and where the rest is (${way.title})`, async () => {
            try {
                const { before, outcome } = await strike(() => (0, execa_1.execa)("chattr", ["+i", series()]));
                await (0, nothing_lost_1.expectNothingLost)(before, outcome, {
                    code: "directory-not-writable",
                    message: /can no longer be written: .*not permitted.*Remove \S+\.partial, which is incomplete/s,
                    partial: "left",
                });
            }
            finally {
                await (0, execa_1.execa)("chattr", ["-i", series()]);
                await (0, promises_1.rm)(await workFolder(series()), { recursive: true });
            }
        });
    }
});
