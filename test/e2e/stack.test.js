"use strict";
var __importDefault = (this && this.__importDefault) || function (mod) {
    return (mod && mod.__esModule) ? mod : { "default": mod };
};
Object.defineProperty(exports, "__esModule", { value: true });
const strict_1 = __importDefault(require("node:assert/strict"));
const node_fs_1 = require("node:fs");
const promises_1 = require("node:fs/promises");
const node_path_1 = __importDefault(require("node:path"));
const execa_1 = require("execa");
const pg_1 = require("pg");
const manifest_1 = require("../../runner/manifest");
const resources_1 = require("../support/resources");
const stack_1 = require("../support/stack");
describe("the stack program, with the real CLI, engine and database", function () {
    this.timeout(300_000);
    let project;
    let first;
    before(async () => {
        project = await (0, stack_1.createProject)();
    });
    after(() => (0, stack_1.removeProject)(project));
    const manifestOf = (outputs) => manifest_1.Manifest.parse(JSON.parse((0, node_fs_1.readFileSync)(String(outputs["backupManifest"]), "utf8")));
    const backupsOnDisk = async () => (await (0, promises_1.readdir)(node_path_1.default.join(project.folder, "backups", "cbm"))).filter((name) => /^\d{8}T\d{6}Z$/.test(name));
    it("ends the first up with a complete backup, and outputs that point at it", async () => {
        first = (await (0, stack_1.up)(project)).outputs;
        const id = String(first["backupId"]);
        strict_1.default.equal(first["backupLocation"], node_path_1.default.join(project.folder, "backups", "cbm", id));
        strict_1.default.equal(first["containerName"], project.container);
        const manifest = manifestOf(first);
        strict_1.default.equal(manifest.id, id);
        strict_1.default.deepEqual(manifest.tables.map(({ schema, name }) => `${schema}.${name}`), [
            "public.aois",
            "public.dias_catalogue",
            "public.parcels_2020",
            "public.roi2020_S2_hists",
            "public.roi2020_S2_signatures",
        ]);
        for (const { schema, name, rows } of manifest.tables) {
            strict_1.default.equal(await (0, resources_1.sql)(project.container, `SELECT count(*) FROM "${schema}"."${name}"`), String(rows), name);
        }
        strict_1.default.equal(manifest.tables.find(({ name }) => name === "roi2020_S2_signatures")?.rows, 51100);
        strict_1.default.equal(first["backupSizeBytes"], manifest.files.reduce((sum, { bytes }) => sum + bytes, 0));
    });
    it("does nothing in an up without a change", async () => {
        const { changes, outputs } = await (0, stack_1.up)(project);
        strict_1.default.deepEqual(Object.keys(changes), ["same"]);
        strict_1.default.equal(outputs["backupId"], first["backupId"]);
    });
    it("takes a new backup when a trigger changes, and leaves the earlier one alone", async () => {
        await project.stack.setConfig("triggers[0]", { value: "a" }, true);
        const { changes, outputs } = await (0, stack_1.up)(project);
        strict_1.default.equal(changes["replace"], 1);
        strict_1.default.notEqual(outputs["backupId"], first["backupId"]);
        strict_1.default.deepEqual(await backupsOnDisk(), [first["backupId"], outputs["backupId"]]);
        strict_1.default.ok((0, node_fs_1.existsSync)(String(first["backupManifest"])));
    });
    it("warns in a preview of what would keep the backup from being taken", async () => {
        await project.stack.setConfig("tables[0]", { value: "dias_catalog" }, true);
        const { stdout } = await project.stack.preview();
        strict_1.default.match(stdout, /warning: The backup would fail as things are now\./);
        strict_1.default.match(stdout, /error\[table-not-found\]: .*"dias_catalog".*Did you mean public\.dias_catalogue\?/);
    });
    it("takes a new backup when the list of tables changes", async () => {
        await project.stack.setConfig("tables[0]", { value: "dias_catalogue" }, true);
        const { outputs } = await (0, stack_1.up)(project);
        strict_1.default.deepEqual(outputs["backupTables"], ["public.dias_catalogue"]);
        strict_1.default.equal((await backupsOnDisk()).length, 3);
    });
    it("takes a new password into the server, without a new backup and without a new container", async () => {
        const containerId = await (0, resources_1.sql)(project.container, "SELECT pg_postmaster_start_time()");
        await project.stack.setConfig("password", { value: 'it\'s a "new" $pass', secret: true });
        const { changes, outputs, log } = await (0, stack_1.up)(project);
        strict_1.default.ok(log.includes("PGPASSWORD: [secret]") && !log.includes("$pass"), log);
        strict_1.default.deepEqual(changes, { same: 6, update: 2 }, "the component, and the command that sets the password");
        strict_1.default.equal((await backupsOnDisk()).length, 3);
        strict_1.default.equal(await (0, resources_1.sql)(project.container, "SELECT pg_postmaster_start_time()"), containerId);
        const client = new pg_1.Client({ connectionString: String(outputs["databaseUri"]) });
        await client.connect();
        const { rows } = await client.query('SELECT count(*) AS n FROM "roi2020_S2_signatures"');
        await client.end();
        strict_1.default.equal(rows[0]?.n, "51100");
        const wrong = new pg_1.Client({
            host: "127.0.0.1",
            port: project.port,
            user: "postgres",
            password: "another",
        });
        await strict_1.default.rejects(wrong.connect(), /password authentication failed/);
    });
    it("keeps no password in plain state, in the output, or in the container's settings", async () => {
        const states = node_path_1.default.join(project.folder, ".state", ".pulumi", "stacks", "postgis-backup");
        const state = (0, node_fs_1.readFileSync)(node_path_1.default.join(states, "test.json"), "utf8");
        strict_1.default.ok(state.includes("PGPASSWORD") && !state.includes("$pass"), "the state holds the password in plain text");
        strict_1.default.equal((await project.stack.outputs())["databaseUri"]?.secret, true);
        const { stdout } = await (0, execa_1.execa)("docker", ["inspect", project.container]);
        strict_1.default.ok(stdout.includes("POSTGRES_PASSWORD_FILE") && !stdout.includes("$pass"));
    });
    it("keeps data and backups when the stack is destroyed, and continues with them", async () => {
        await (0, resources_1.sql)(project.container, "CREATE TABLE kept AS SELECT 42 AS answer");
        await project.stack.destroy({ excludeProtected: true });
        strict_1.default.equal((await backupsOnDisk()).length, 3);
        await project.stack.setConfig("tables[0]", { value: "kept" }, true);
        const { outputs } = await (0, stack_1.up)(project);
        strict_1.default.equal(manifestOf(outputs).tables[0]?.rows, 1);
        strict_1.default.equal(await (0, resources_1.sql)(project.container, "SELECT answer FROM kept"), "42");
    });
});
