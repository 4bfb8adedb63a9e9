"use strict";
var __importDefault = (this && this.__importDefault) || function (mod) {
    return (mod && mod.__esModule) ? mod : { "default": mod };
};
Object.defineProperty(exports, "__esModule", { value: true });
const strict_1 = __importDefault(require("node:assert/strict"));
const node_path_1 = __importDefault(require("node:path"));
const execa_1 = require("execa");
const backup_scene_1 = require("../support/backup-scene");
const nothing_lost_1 = require("../support/nothing-lost");
const resources_1 = require("../support/resources");
/** Needs the right to mount. */
describe("a backup to a disk that becomes full", function () {
    this.timeout(120_000);
    let disk;
    let scene;
    before(async () => {
        disk = await (0, resources_1.mountDisk)(200);
        scene = await (0, backup_scene_1.setScene)({ folder: disk });
    });
    after(async () => {
        await scene.remove();
        await (0, resources_1.removeDisk)(disk);
    });
    for (const way of backup_scene_1.ways) {
        it(`says so, with the folder and the free bytes, and keeps the earlier ones (${way.title})`, async () => {
            const { container } = scene;
            const args = { container, directory: scene.directory(way), format: way.format };
            await (0, backup_scene_1.takeBackup)({ ...args, table: "small" });
            const before = await (0, nothing_lost_1.rememberBackups)(container, args.directory);
            const { ended } = (0, backup_scene_1.startBackup)({ ...args, table: "large" });
            await (0, backup_scene_1.dumping)(container);
            const filler = node_path_1.default.join(disk, "filler");
            const { stderr } = await (0, execa_1.execa)("dd", ["if=/dev/zero", `of=${filler}`, "bs=1M"], { reject: false });
            strict_1.default.match(stderr, /No space left/);
            const outcome = await ended;
            await (0, execa_1.execa)("rm", [filler]);
            await (0, nothing_lost_1.expectNothingLost)(before, outcome, {
                code: "space-insufficient",
                message: /The disk of \S+ is full.*No space left on device.* [\d.]+ [kM]?B are free/is,
            });
            strict_1.default.ok(outcome.stderr.includes(node_path_1.default.join(args.directory, "cbm")), outcome.stderr);
        });
    }
});
