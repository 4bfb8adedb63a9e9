"use strict";
var __importDefault = (this && this.__importDefault) || function (mod) {
    return (mod && mod.__esModule) ? mod : { "default": mod };
};
Object.defineProperty(exports, "__esModule", { value: true });
const strict_1 = __importDefault(require("node:assert/strict"));
const node_fs_1 = require("node:fs");
const node_path_1 = __importDefault(require("node:path"));
const promises_1 = require("node:timers/promises");
const execa_1 = require("execa");
const manifest_1 = require("../../runner/manifest");
const backup_scene_1 = require("../support/backup-scene");
const nothing_lost_1 = require("../support/nothing-lost");
const resources_1 = require("../support/resources");
const restored_1 = require("../support/restored");
describe("a backup of a table that another transaction has locked", function () {
    this.timeout(120_000);
    let scene;
    const args = (pattern) => ({
        container: scene.container,
        directory: scene.directory({ mounted: true }),
        table: pattern,
    });
    before(async () => {
        scene = await (0, backup_scene_1.setScene)({ statements: "CREATE TABLE small AS SELECT 1 AS x" });
        await (0, backup_scene_1.takeBackup)(args("small"));
    });
    after(() => scene.remove());
    beforeEach(() => (0, resources_1.sql)(scene.container, "DROP TABLE IF EXISTS scene_a, scene_b, scene_c; CREATE TABLE scene_a AS SELECT 1 AS x; CREATE TABLE scene_b AS SELECT 2 AS x"));
    /** A migration that starts before the backup and ends while the backup waits for it. */
    async function migrate(statements, pattern) {
        const before = await (0, nothing_lost_1.rememberBackups)(scene.container, args(pattern).directory);
        const psql = ["psql", "-X", "-q", "-h", "127.0.0.1", "-U", "postgres", "-v", "ON_ERROR_STOP=1"];
        const other = (0, execa_1.execa)("docker", ["exec", "--interactive", scene.container, ...psql], {
            stdin: "pipe",
            env: {},
        });
        other.stdin.write("SET application_name = 'migration'; BEGIN;\n");
        other.stdin.write("LOCK TABLE scene_a IN ACCESS EXCLUSIVE MODE;\n");
        await until("SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND relation = 'scene_a'::regclass AND granted");
        const { ended } = (0, backup_scene_1.startBackup)(args(pattern));
        await until("SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'LOCK TABLE%' AND wait_event_type = 'Lock'");
        other.stdin.end(`${statements};\nCOMMIT;\n`);
        await other;
        return { before, outcome: await ended };
    }
    async function until(query) {
        for (let attempt = 0; attempt < 100; attempt++) {
            if ((await (0, resources_1.sql)(scene.container, query)) !== "0")
                return;
            await (0, promises_1.setTimeout)(50);
        }
        strict_1.default.fail(`never true: ${query}`);
    }
    const manifest = () => {
        const file = node_path_1.default.join(args("").directory, "cbm", "latest", "manifest.json");
        return manifest_1.Manifest.parse(JSON.parse((0, node_fs_1.readFileSync)(file, "utf8")));
    };
    const gone = [
        {
            title: "dropped",
            statements: "DROP TABLE scene_a",
            code: "table-not-found",
            message: /No table matches "scene_a"/,
        },
        {
            title: "renamed",
            statements: "ALTER TABLE scene_a RENAME TO scene_c",
            code: "table-not-found",
            message: /No table matches "scene_a"/,
        },
    ];
    for (const { title, statements, code, message } of gone) {
        it(`fails when it is ${title} meanwhile`, async () => {
            const { before, outcome } = await migrate(statements, "scene_a");
            await (0, nothing_lost_1.expectNothingLost)(before, outcome, { code, message });
        });
    }
    for (const { title, statements, tables } of [
        { title: "dropped", statements: "DROP TABLE scene_a", tables: ["scene_b"] },
        {
            title: "renamed",
            statements: "ALTER TABLE scene_a RENAME TO scene_c",
            tables: ["scene_b", "scene_c"],
        },
        {
            title: "given a column",
            statements: "ALTER TABLE scene_a ADD COLUMN y int DEFAULT 7",
            tables: ["scene_a", "scene_b"],
        },
        {
            // To a snapshot that is older than the rewriting, the table looks empty.
            title: "rewritten",
            statements: "ALTER TABLE scene_a ALTER COLUMN x TYPE bigint",
            tables: ["scene_a", "scene_b"],
        },
    ]) {
        it(`takes what a pattern matches after one is ${title}`, async () => {
            const { outcome } = await migrate(statements, "scene_*");
            strict_1.default.equal(outcome.exitCode, 0, outcome.stderr);
            const { id, tables: found } = manifest();
            strict_1.default.deepEqual(found.map(({ name, rows }) => [name, rows]), tables.map((name) => [name, 1]));
            await (0, restored_1.restoreDirectory)(scene.container, `/backups/cbm/${id}/archive`, "restored");
            const columns = `SELECT string_agg(table_name || '.' || column_name, ' ' ORDER BY table_name, ordinal_position)
        FROM information_schema.columns WHERE table_name LIKE 'scene\\_%'`;
            strict_1.default.equal(await (0, resources_1.sql)(scene.container, columns, "restored"), await (0, resources_1.sql)(scene.container, columns));
        });
    }
});
