"use strict";
var __importDefault = (this && this.__importDefault) || function (mod) {
    return (mod && mod.__esModule) ? mod : { "default": mod };
};
Object.defineProperty(exports, "__esModule", { value: true });
const strict_1 = __importDefault(require("node:assert/strict"));
const node_fs_1 = require("node:fs");
const node_path_1 = __importDefault(require("node:path"));
const execa_1 = require("execa");
const manifest_1 = require("../../runner/manifest");
const backup_scene_1 = require("../support/backup-scene");
const nothing_lost_1 = require("../support/nothing-lost");
const resources_1 = require("../support/resources");
const restored_1 = require("../support/restored");
const terminated = /terminating connection due to administrator command/;
describe("a backup whose database session is ended", function () {
    this.timeout(120_000);
    let scene;
    const args = (table) => ({
        container: scene.container,
        directory: scene.directory({ mounted: true }),
        table,
    });
    before(async () => {
        scene = await (0, backup_scene_1.setScene)();
        await (0, backup_scene_1.takeBackup)(args("small"));
    });
    after(() => scene.remove());
    const faults = [
        {
            title: "pg_dump's, while it reads a table",
            condition: "query LIKE 'COPY public.large%'",
            code: "dump-failed",
            message: /^error\[dump-failed\]: pg_dump failed: .*administrator command/s,
        },
        {
            title: "that of the counts",
            condition: "query LIKE 'SELECT jsonb_build_object(''oid''%'",
            code: "server-error",
            message: /^error\[server-error\]: Counting the rows failed: .*administrator command/s,
        },
        {
            title: "the runner's own, before pg_dump has its snapshot",
            condition: "query LIKE '%pg_export_snapshot%'",
            code: "server-error",
            message: terminated,
        },
    ];
    for (const { title, condition, code, message } of faults) {
        it(`fails in the server's words: ${title}`, async () => {
            const before = await (0, nothing_lost_1.rememberBackups)(scene.container, args("small").directory);
            const { ended } = (0, backup_scene_1.startBackup)(args("large"));
            await (0, backup_scene_1.terminateSession)(scene.container, condition);
            await (0, nothing_lost_1.expectNothingLost)(before, await ended, { code, message });
        });
    }
    it("names the session that held the snapshot, not what failed after it", async () => {
        const before = await (0, nothing_lost_1.rememberBackups)(scene.container, args("small").directory);
        const { ended } = (0, backup_scene_1.startBackup)(args("large"));
        await (0, backup_scene_1.dumping)(scene.container);
        await (0, backup_scene_1.terminateSession)(scene.container, "state = 'idle in transaction'");
        await (0, backup_scene_1.terminateSession)(scene.container, "query LIKE 'COPY public.large%'");
        const outcome = await ended;
        await (0, nothing_lost_1.expectNothingLost)(before, outcome, { code: "server-error", message: terminated });
        strict_1.default.doesNotMatch(outcome.stderr, /pg_dump failed/);
    });
    it("is whole, or fails, when the runner's own goes after pg_dump has its snapshot", async () => {
        const { ended } = (0, backup_scene_1.startBackup)(args("large"));
        await (0, backup_scene_1.dumping)(scene.container);
        await (0, backup_scene_1.terminateSession)(scene.container, "state = 'idle in transaction'");
        const { exitCode, stderr } = await ended;
        strict_1.default.equal(exitCode, 0, stderr);
        const series = node_path_1.default.join(args("large").directory, "cbm");
        const text = (0, node_fs_1.readFileSync)(node_path_1.default.join(series, "latest", "manifest.json"), "utf8");
        const { id, tables } = manifest_1.Manifest.parse(JSON.parse(text));
        strict_1.default.deepEqual(tables.map(({ name, rows }) => [name, rows]), [["large", 1500000]]);
        await (0, restored_1.restoreDirectory)(scene.container, `/backups/cbm/${id}/archive`, "restored");
        strict_1.default.equal(await (0, restored_1.contentOf)(scene.container, "large", "restored"), await (0, restored_1.contentOf)(scene.container, "large"));
    });
    it("fails when the server crashes, and the server recovers", async () => {
        const before = await (0, nothing_lost_1.rememberBackups)(scene.container, args("small").directory);
        const { ended } = (0, backup_scene_1.startBackup)(args("large"));
        const pid = await (0, backup_scene_1.dumping)(scene.container);
        await (0, execa_1.execa)("docker", ["exec", scene.container, "kill", "-KILL", String(pid)]);
        const outcome = await ended;
        while (!(await answers()))
            await new Promise((resolve) => setTimeout(resolve, 200));
        await (0, nothing_lost_1.expectNothingLost)(before, outcome, {
            code: "server-error",
            message: /crash of another server process|server closed the connection unexpectedly/,
        });
        await (0, backup_scene_1.takeBackup)(args("small"));
    });
    const answers = () => (0, resources_1.sql)(scene.container, "SELECT 1").then(() => true, () => false);
});
