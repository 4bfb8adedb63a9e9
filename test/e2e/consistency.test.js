"use strict";
var __importDefault = (this && this.__importDefault) || function (mod) {
    return (mod && mod.__esModule) ? mod : { "default": mod };
};
Object.defineProperty(exports, "__esModule", { value: true });
const strict_1 = __importDefault(require("node:assert/strict"));
const node_child_process_1 = require("node:child_process");
const node_fs_1 = require("node:fs");
const execa_1 = require("execa");
const manifest_1 = require("../../runner/manifest");
const request_1 = require("../../runner/request");
const container_1 = require("../support/container");
const resources_1 = require("../support/resources");
const runner_1 = require("../support/runner");
const rounds = 20;
/** Adds a scene and, in a later transaction, its signatures, some hundred times a second, until it is terminated. */
const writer = `
CREATE PROCEDURE load_scenes() LANGUAGE plpgsql AS $$
DECLARE scene int;
BEGIN
  LOOP
    INSERT INTO dias_catalogue (reference) VALUES (clock_timestamp()::text) RETURNING id INTO scene;
    COMMIT;
    INSERT INTO "roi2020_S2_signatures" SELECT g, scene, 'B02', random() FROM generate_series(1, 50) g;
    COMMIT;
    PERFORM pg_sleep(0.002);
  END LOOP;
END $$`;
describe("a backup taken while workers insert", function () {
    this.timeout(300_000);
    let container;
    let folder;
    before(async () => {
        folder = await (0, resources_1.temporaryFolder)();
        container = await (0, container_1.startServer)({ mount: folder });
        await (0, resources_1.sql)(container, `CREATE TABLE dias_catalogue (id serial PRIMARY KEY, reference varchar(120) UNIQUE);
       CREATE TABLE "roi2020_S2_signatures" (pid int, obsid int, band char(3), mean real);
       INSERT INTO dias_catalogue (reference) SELECT 'old ' || g FROM generate_series(1, 2000) g;
       INSERT INTO "roi2020_S2_signatures" SELECT g, 1 + g % 2000, 'B02', random() FROM generate_series(1, 400000) g;
       ${writer}`);
    });
    after(async () => {
        await (0, resources_1.removeContainer)(container);
        await (0, resources_1.removeFolder)(folder);
    });
    it(`holds no signature of a scene that it lacks, and exactly the rows it counted, in ${rounds} backups`, async () => {
        const load = (0, node_child_process_1.spawn)("docker", [
            "exec",
            container,
            "psql",
            "-X",
            "-q",
            "-h",
            "127.0.0.1",
            "-U",
            "postgres",
            "-c",
            "CALL load_scenes()",
        ], {
            stdio: "ignore",
        });
        const seen = [];
        try {
            for (let round = 0; round < rounds; round++) {
                const result = await takeBackup();
                const manifest = manifest_1.Manifest.parse(JSON.parse((0, node_fs_1.readFileSync)(result.manifest, "utf8")));
                const [catalogue, signatures] = manifest.tables;
                strict_1.default.equal(signatures?.name, "roi2020_S2_signatures");
                const restored = await restore(result);
                strict_1.default.deepEqual(restored, { scenes: catalogue?.rows, signatures: signatures.rows, orphans: 0 });
                seen.push(restored.signatures);
            }
        }
        finally {
            await (0, resources_1.sql)(container, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query = 'CALL load_scenes()'");
            load.kill();
        }
        strict_1.default.deepEqual(seen, [...new Set(seen)].sort((a, b) => a - b), "the workers inserted between any two backups");
    });
    async function takeBackup() {
        const tables = ["dias_catalogue", "roi2020_S2_signatures"].flatMap((table) => ["--table", table]);
        const args = [
            "backup",
            "--container",
            container,
            ...tables,
            "--directory",
            folder,
            "--name",
            "cbm",
            "--json",
        ];
        const { exitCode, stdout, stderr } = await (0, runner_1.runRunner)(args);
        strict_1.default.equal(exitCode, 0, stderr);
        return request_1.BackupResult.parse(JSON.parse(stdout));
    }
    async function restore({ backupId }) {
        await (0, resources_1.sql)(container, "DROP DATABASE IF EXISTS restored (FORCE)");
        await (0, resources_1.sql)(container, "CREATE DATABASE restored");
        const archive = `/backups/cbm/${backupId}/archive`;
        await (0, execa_1.execa)("docker", [
            "exec",
            container,
            "pg_restore",
            "-h",
            "127.0.0.1",
            "-U",
            "postgres",
            "-d",
            "restored",
            "-j",
            "2",
            "-e",
            archive,
        ]);
        const counts = await (0, resources_1.sql)(container, `SELECT jsonb_build_object(
         'scenes', (SELECT count(*) FROM dias_catalogue),
         'signatures', (SELECT count(*) FROM "roi2020_S2_signatures"),
         'orphans', (SELECT count(*) FROM "roi2020_S2_signatures" WHERE obsid NOT IN (SELECT id FROM dias_catalogue)))`, "restored");
        return JSON.parse(counts);
    }
});
