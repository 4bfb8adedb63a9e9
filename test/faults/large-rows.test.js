"use strict";
var __importDefault = (this && this.__importDefault) || function (mod) {
    return (mod && mod.__esModule) ? mod : { "default": mod };
};
Object.defineProperty(exports, "__esModule", { value: true });
const strict_1 = __importDefault(require("node:assert/strict"));
const promises_1 = require("node:fs/promises");
const node_path_1 = __importDefault(require("node:path"));
const backup_scene_1 = require("../support/backup-scene");
const memory_1 = require("../support/memory");
const resources_1 = require("../support/resources");
const restored_1 = require("../support/restored");
/** 1 GB in rows of 200 kB, and geometries of a million points each, which COPY writes as lines of 32 MB. */
const statements = `
CREATE UNLOGGED TABLE rich (id int, body text);
ALTER TABLE rich ALTER COLUMN body SET STORAGE EXTERNAL;
INSERT INTO rich SELECT g, repeat(md5(g::text), 6400) FROM generate_series(1, 5000) g;
CREATE UNLOGGED TABLE tracks (id int, line geometry(LineString, 4326));
ALTER TABLE tracks ALTER COLUMN line SET STORAGE EXTERNAL;
INSERT INTO tracks SELECT n, ST_SetSRID(ST_MakeLine(ARRAY(
  SELECT ST_MakePoint(n + sin(p) * 90, cos(p * n) * 90) FROM generate_series(1, 1000000) p)), 4326) FROM generate_series(1, 3) n;`;
const maximumMegabytes = 150;
describe("a backup of rows that are large", function () {
    this.timeout(300_000);
    let scene;
    let original;
    const contents = (database) => Promise.all(["rich", "tracks"].map((table) => (0, restored_1.contentOf)(scene.container, table, database)));
    before(async () => {
        scene = await (0, backup_scene_1.setScene)({ statements });
        original = await contents();
        strict_1.default.equal(await (0, resources_1.sql)(scene.container, "SELECT pg_table_size('rich') > 1e9"), "t");
    });
    after(() => scene.remove());
    for (const way of backup_scene_1.ways.filter(({ format }) => format !== "plain")) {
        it(`brings them back, and needs little memory (${way.title})`, async () => {
            const directory = scene.directory(way);
            const { child, ended } = (0, backup_scene_1.startBackup)({
                container: scene.container,
                directory,
                table: "rich",
                format: way.format,
                more: ["--table", "tracks", "--compression", "gzip:1"],
            });
            const peak = await (0, memory_1.peakMemory)(child.pid ?? 0);
            const { exitCode, stderr } = await ended;
            strict_1.default.equal(exitCode, 0, stderr);
            strict_1.default.ok(peak > 0 && peak < maximumMegabytes, `the runner took ${peak.toFixed(0)} MB`);
            const series = node_path_1.default.join(directory, "cbm");
            const id = await (0, promises_1.readlink)(node_path_1.default.join(series, "latest"));
            const restored = `restored_${backup_scene_1.ways.indexOf(way)}`;
            await (way.format === "directory"
                ? (0, restored_1.restoreDirectory)(scene.container, `/backups/cbm/${id}/archive`, restored)
                : (0, restored_1.restoreCustom)(scene.container, node_path_1.default.join(series, id, "archive.dump"), restored));
            strict_1.default.deepEqual(await contents(restored), original);
            await (0, resources_1.sql)(scene.container, `DROP DATABASE ${restored}`);
        });
    }
});
