"use strict";
var __importDefault = (this && this.__importDefault) || function (mod) {
    return (mod && mod.__esModule) ? mod : { "default": mod };
};
Object.defineProperty(exports, "__esModule", { value: true });
const strict_1 = __importDefault(require("node:assert/strict"));
const restore_command_1 = require("../../../runner/restore-command");
const source = {
    container: "pg_spat",
    user: "postgres",
    database: "gis",
    format: "directory",
    compression: "zstd:1",
    jobs: 2,
    location: "/srv/my backups/cbm/20261122T081500Z",
    containerLocation: "/backups/cbm/20261122T081500Z",
};
describe("the restore command", () => {
    it("makes a new database, prepares it and runs pg_restore in the container", () => {
        strict_1.default.deepEqual((0, restore_command_1.restoreCommand)(source).split(" && "), [
            "docker exec pg_spat createdb --host 127.0.0.1 --username postgres --template template0 gis_restored",
            "docker exec --interactive pg_spat psql --host 127.0.0.1 --username postgres --dbname gis_restored --quiet" +
                " --set ON_ERROR_STOP\\=on < '/srv/my backups/cbm/20261122T081500Z/prepare.sql'",
            "docker exec pg_spat pg_restore --host 127.0.0.1 --username postgres --dbname gis_restored --exit-on-error" +
                " --jobs 2 /backups/cbm/20261122T081500Z/archive",
        ]);
    });
    it("streams the formats that are one file", () => {
        const custom = (0, restore_command_1.restoreCommand)({ ...source, format: "custom", containerLocation: undefined });
        strict_1.default.match(custom, /pg_restore .* < '\/srv\/my backups\/cbm\/20261122T081500Z\/archive\.dump'$/);
        const plain = (0, restore_command_1.restoreCommand)({ ...source, format: "plain", compression: "gzip:6" });
        strict_1.default.match(plain, /&& gzip -dc '\/srv\/my backups\/cbm\/20261122T081500Z\/archive\.sql\.gz' \| docker exec --interactive pg_spat psql /);
    });
    it("quotes names that a shell would read otherwise", () => {
        strict_1.default.match((0, restore_command_1.restoreCommand)({ ...source, user: "o'brien; rm -rf" }), /--username "o'brien; rm -rf"/);
    });
    it("gives each archive the suffix that tools expect", () => {
        strict_1.default.equal((0, restore_command_1.archiveName)("plain", "zstd:1"), "archive.sql.zst");
        strict_1.default.equal((0, restore_command_1.archiveName)("plain", "lz4"), "archive.sql.lz4");
        strict_1.default.equal((0, restore_command_1.archiveName)("plain", "none"), "archive.sql");
        strict_1.default.equal((0, restore_command_1.archiveName)("directory", "gzip:1"), "archive");
    });
});
