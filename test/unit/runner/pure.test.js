"use strict";
var __importDefault = (this && this.__importDefault) || function (mod) {
    return (mod && mod.__esModule) ? mod : { "default": mod };
};
Object.defineProperty(exports, "__esModule", { value: true });
const strict_1 = __importDefault(require("node:assert/strict"));
const node_path_1 = __importDefault(require("node:path"));
const container_1 = require("../../../runner/docker/container");
const exec_1 = require("../../../runner/docker/exec");
const prepare_1 = require("../../../runner/postgres/prepare");
const server_1 = require("../../../runner/postgres/server");
const result_1 = require("../../../runner/result");
const runner_command_1 = require("../../../components/runner-command");
const server_settings_1 = require("../../../components/server-settings");
describe("a path of the host in a container", () => {
    const mounts = (...pairs) => ({
        Mounts: pairs.map(([Source, Destination, RW = true]) => ({ Type: "bind", Source, Destination, RW })),
    });
    it("follows the nearest writable bind mount", () => {
        const container = mounts(["/srv", "/a"], ["/srv/backups", "/backups"], ["/srv/backups/cbm", "/ro", false]);
        strict_1.default.equal((0, container_1.pathInContainer)(container, "/srv/backups/cbm/x"), "/backups/cbm/x");
        strict_1.default.equal((0, container_1.pathInContainer)(container, "/srv/other"), "/a/other");
        strict_1.default.equal((0, container_1.pathInContainer)(container, "/srv/backups"), "/backups");
    });
    it("is unknown outside of all mounts", () => {
        strict_1.default.equal((0, container_1.pathInContainer)(mounts(["/srv/backups", "/backups"]), "/srv/backups2/x"), undefined);
        strict_1.default.equal((0, container_1.pathInContainer)(mounts(), "/srv"), undefined);
    });
});
describe("docker exec", () => {
    it("gets secrets by name only", () => {
        const target = { docker: { env: {} }, container: "id", env: { PGUSER: "u" }, secretEnv: ["PGPASSWORD"] };
        strict_1.default.deepEqual((0, exec_1.execArguments)(target, ["psql"], "1:2"), [
            "exec",
            "--interactive",
            "--user",
            "1:2",
            "--env",
            "PGUSER=u",
            "--env",
            "PGPASSWORD",
            "id",
            "psql",
        ]);
    });
});
describe("prepare.sql", () => {
    const postgis = { name: "postgis", version: "3.5", schema: "gis" };
    it("quotes names", () => {
        const extensions = [{ name: "uuid-ossp", version: "1", schema: "Ext" }];
        strict_1.default.deepEqual((0, prepare_1.prepareSql)({ schemas: ['a"b'], extensions, customSrids: [] }, "")
            .split("\n")
            .slice(2, 4), [
            'CREATE SCHEMA IF NOT EXISTS "a""b";',
            'CREATE EXTENSION IF NOT EXISTS "uuid-ossp" SCHEMA "Ext" CASCADE;',
        ]);
    });
    it("adds spatial reference systems to PostGIS, wherever it is", () => {
        const srid = { srid: 990001, auth_name: "o'b", auth_srid: null, srtext: "a\\b", proj4text: "" };
        strict_1.default.match((0, prepare_1.prepareSql)({ schemas: [], extensions: [postgis], customSrids: [srid] }, ""), /^INSERT INTO "gis"\.spatial_ref_sys \(.*\) VALUES \(990001, 'o''b', NULL,  ?E'a\\\\b', ''\) ON CONFLICT DO NOTHING;$/m);
    });
    it("says whether it can be run again", () => {
        const nothing = { schemas: [], extensions: [], customSrids: [] };
        strict_1.default.match((0, prepare_1.prepareSql)(nothing, ""), /^-- It can be run again/m);
        strict_1.default.match((0, prepare_1.prepareSql)(nothing, "CREATE TYPE x AS ENUM ();\n"), /^-- It cannot be run twice[^]*\nCREATE TYPE x/m);
    });
});
describe("standard error of libpq's programs", () => {
    it("is shown without progress", () => {
        const stderr = "pg_dump: reading schemas\npg_dump: error: query failed: ERROR:  boom\npg_dump: detail: Query was: X\nDETAIL:  y";
        strict_1.default.equal((0, server_1.errorLines)(stderr), "pg_dump: error: query failed: ERROR:  boom\npg_dump: detail: Query was: X\nDETAIL:  y");
    });
});
describe("the table names in a result", () => {
    it("are all there when they fit", () => {
        strict_1.default.deepEqual((0, result_1.summarizeTables)(["a", "b"]), ["a", "b"]);
    });
    it("are cut, and say so, when a thousand of them would not", () => {
        const names = Array.from({ length: 1000 }, (_, i) => `public.parcels_${i}`);
        const kept = (0, result_1.summarizeTables)(names);
        strict_1.default.ok(Buffer.byteLength(JSON.stringify(kept)) < 2100);
        strict_1.default.equal(kept.at(-1), `and ${1000 - kept.length + 1} more, listed in the manifest`);
    });
});
describe("the runner's path in a command", () => {
    it("does not depend on where the checkout or the home lies", () => {
        strict_1.default.equal((0, runner_command_1.runnerPath)("/work/a/dist/runner/main.js", "/work/a", "/root/.pulumi"), "dist/runner/main.js");
        strict_1.default.equal((0, runner_command_1.runnerPath)("/u/x/node_modules/postgis-backup/dist/runner/main.js", "/u/x", "/u/.pulumi"), "node_modules/postgis-backup/dist/runner/main.js");
        strict_1.default.equal((0, runner_command_1.runnerPath)("/u/.pulumi/plugins/p-v1/dist/runner/main.js", "/work", "/u/.pulumi"), '"${PULUMI_HOME:-$HOME/.pulumi}"/plugins/p-v1/dist/runner/main.js');
        strict_1.default.equal((0, runner_command_1.runnerPath)("/a b/it's/main.js", "/a b", node_path_1.default.resolve("/u/.pulumi")), "'it'\\''s/main.js'");
    });
});
describe("server settings", () => {
    it("replace defaults one by one", () => {
        const command = (0, server_settings_1.serverCommand)({ work_mem: "1GB" });
        strict_1.default.equal(command[0], "postgres");
        strict_1.default.ok(command.includes("work_mem=1GB") &&
            command.includes("shared_buffers=1GB") &&
            !command.includes("work_mem=32MB"));
    });
    it("know where images keep their data", () => {
        strict_1.default.equal((0, server_settings_1.dataFolder)("postgis/postgis:18-3.6"), "/var/lib/postgresql");
        strict_1.default.equal((0, server_settings_1.dataFolder)("registry:5000/mdillon/postgis:latest"), "/var/lib/postgresql/data");
    });
});
