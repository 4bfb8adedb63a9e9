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
const manifest_1 = require("../../runner/manifest");
const request_1 = require("../../runner/request");
const container_1 = require("../support/container");
const damage_1 = require("../support/damage");
const resources_1 = require("../support/resources");
const runner_1 = require("../support/runner");
const throwaways_1 = require("../support/throwaways");
const tables = ["App.*", "others", "nl.measures", "base", "heir", "parcels"];
describe("a restore drill", function () {
    this.timeout(180_000);
    let container;
    let folder;
    let mounted;
    before(async () => {
        folder = await (0, resources_1.temporaryFolder)();
        mounted = await (0, resources_1.temporaryFolder)();
        container = await (0, container_1.startServer)({ mount: mounted });
        await (0, resources_1.sql)(container, await (0, promises_1.readFile)(node_path_1.default.join(__dirname, "../support/drill-tables.sql"), "utf8"));
        // What text looks like here must not matter there.
        await (0, resources_1.sql)(container, "ALTER DATABASE postgres SET timezone = 'Asia/Tokyo'; ALTER DATABASE postgres SET datestyle = 'German'");
    });
    after(async () => {
        strict_1.default.deepEqual(await (0, throwaways_1.throwaways)(folder, mounted), []);
        await (0, resources_1.removeContainer)(container);
        await Promise.all([(0, resources_1.removeFolder)(folder), (0, resources_1.removeFolder)(mounted)]);
    });
    const run = (directory, name, selection, ...options) => (0, runner_1.runRunner)([
        ...["backup", "--container", container, "--verify", "restore", "--json"],
        ...["--directory", directory, "--name", name],
        ...selection.flatMap((table) => ["--table", table]),
        ...options,
    ]);
    async function take(...args) {
        const { stdout, stderr, exitCode } = await run(...args);
        strict_1.default.equal(exitCode, 0, stderr);
        const result = request_1.BackupResult.parse(JSON.parse(stdout));
        return { ...result, content: manifest_1.Manifest.parse(JSON.parse(await (0, promises_1.readFile)(result.manifest, "utf8"))) };
    }
    /** Restores a backup in a throwaway container. */
    const drill = (location, env = {}) => (0, runner_1.runRunner)([
        ...[
            "verify",
            node_path_1.default.basename(location),
            "--level",
            "restore",
            "--name",
            node_path_1.default.basename(node_path_1.default.dirname(location)),
        ],
        ...["--directory", node_path_1.default.dirname(node_path_1.default.dirname(location))],
    ], env);
    for (const [format, place] of [
        ["directory", "mounted"],
        ["custom", "streamed"],
        ["plain", "streamed"],
    ]) {
        it(`brings back all that the tables need: ${format}, ${place}`, async () => {
            const { content, verification, location, restoreCommand } = await take(place === "mounted" ? mounted : folder, format, tables, "--format", format);
            strict_1.default.equal(verification.level, "restore");
            strict_1.default.equal(verification.image, content.source.imageDigest);
            strict_1.default.equal((await drill(location)).exitCode, 0);
            // By stock tools too, on the server itself.
            await (0, resources_1.sql)(container, "DROP DATABASE IF EXISTS postgres_restored");
            await (0, execa_1.execa)("bash", ["-euo", "pipefail", "-c", restoreCommand]);
            const check = `SELECT count(*) FROM "App"."Things" WHERE mood = 'it''s ok' AND stamp = 'stamped';
        INSERT INTO others (note) SELECT 'x' WHERE false; SELECT srtext LIKE 'PROJCS%' FROM spatial_ref_sys WHERE srid = 990001`;
            strict_1.default.equal(await (0, resources_1.sql)(container, check, "postgres_restored"), "500\nt");
        });
    }
    it("records what it compares, and what the tables need", async () => {
        const { content } = await take(folder, "recorded", tables, "--format", "custom");
        const table = (name) => content.tables.find((found) => found.name === name);
        strict_1.default.equal(table("parcels")?.invalidGeometries, 50);
        strict_1.default.equal(table("others")?.invalidGeometries, undefined);
        strict_1.default.deepEqual(table("others")?.constraints.map(({ definition }) => definition), ['FOREIGN KEY (id) REFERENCES "App"."Things"(id)', "UNIQUE (note)"]);
        strict_1.default.match(table("Things")?.indexes.join("\n") ?? "", /lib\.folded\(code\)/);
        const { requires } = content;
        strict_1.default.deepEqual(requires.schemas, ["App", "lib", "nl"]);
        strict_1.default.deepEqual(requires.types, ['"App".mood', "lib.amount", "lib.pair", "lib.span"]);
        strict_1.default.deepEqual(requires.functions, ["code()", "folded(text)", "may_see(text)", "positive(integer)", "stamp()"].map((name) => `lib.${name}`));
        strict_1.default.deepEqual(requires.others, ["collation lib.plain", "operator lib.@@@(text,text)"]);
        strict_1.default.deepEqual(requires.sequences, [{ schema: "lib", name: "shared_id" }]);
        strict_1.default.deepEqual(requires.roles, ["checker", "Owner", "postgres", "reader"].sort());
        strict_1.default.deepEqual(requires.customSrids.map(({ srid, auth_name }) => [srid, auth_name]), [[990001, "it's\\me"]]);
    });
    describe("of a forged backup", () => {
        let original;
        before(async () => {
            ({ location: original } = await take(folder, "plain0", tables, "--format", "plain", "--compression", "none"));
        });
        async function forged(change, manifest) {
            const copy = node_path_1.default.join(folder, "plain0", "20260101T000000Z");
            await (0, promises_1.cp)(original, copy, { recursive: true });
            const script = node_path_1.default.join(copy, "archive.sql");
            const before = await (0, promises_1.readFile)(script, "utf8");
            await (0, promises_1.writeFile)(script, change(before));
            await (0, damage_1.reseal)(copy, (content) => {
                content.id = node_path_1.default.basename(copy);
                manifest?.(content);
            });
            const { exitCode, stderr } = await drill(copy);
            await (0, resources_1.removeFolder)(copy);
            strict_1.default.equal(exitCode, 1, stderr);
            return stderr;
        }
        const ofTable = (content, name) => {
            const table = content.tables.find((found) => found.name === name);
            strict_1.default.ok(table);
            return table;
        };
        it("finds a row that is missing, even if the manifest counts one less", async () => {
            const stderr = await forged((script) => script.replace(/^2019\t0\.42857.*\n/m, ""), (content) => (ofTable(content, "measures_rest").rows -= 1));
            strict_1.default.match(stderr, /error\[restore-mismatch\]: .*nl\.measures_rest: fingerprint: -?\d+ in the manifest, -?\d+ restored/);
        });
        it("finds a value that is another", async () => {
            const stderr = await forged((script) => script.replace(/^3\tb\t1$/m, "4\tb\t1").replace(/^1\tb\t3$/m, "1\tb\t4"));
            strict_1.default.match(stderr, /error\[restore-mismatch\]: .*public\.heir: fingerprint/);
        });
        it("finds an index and a constraint that are missing", async () => {
            const stderr = await forged((script) => script
                .replace(/^CREATE INDEX folded .*$/m, "")
                .replace(/^ALTER TABLE ONLY public\.others\n.*FOREIGN KEY.*$/m, ""));
            strict_1.default.match(stderr, /"App"\."Things": index CREATE INDEX folded .*: in the manifest, not restored/);
            strict_1.default.match(stderr, /public\.others: constraint others_id_fkey FOREIGN KEY .*: in the manifest, not restored/);
        });
        it("finds geometries that became valid, and rows that the manifest does not count", async () => {
            const stderr = await forged((script) => script, (content) => {
                ofTable(content, "parcels").invalidGeometries = 51;
            });
            strict_1.default.match(stderr, /public\.parcels: invalid geometries: 51 in the manifest, 50 restored/);
        });
        it("finds an archive that cannot be restored", async () => {
            const stderr = await forged((script) => script.replace("CREATE TRIGGER", "CREATE NO TRIGGER"));
            strict_1.default.match(stderr, /error\[restore-failed\]: The archive cannot be restored: psql: .*syntax error/);
        });
    });
    it("that fails keeps the backup from being published", async () => {
        // The check's function calls another one, which only its text says.
        await (0, resources_1.sql)(container, `CREATE FUNCTION lib.hidden() RETURNS boolean LANGUAGE sql AS 'SELECT true';
       CREATE FUNCTION lib.calls() RETURNS boolean LANGUAGE sql AS 'SELECT lib.hidden()';
       CREATE TABLE checked (x int CHECK (lib.calls())); INSERT INTO checked VALUES (1);`);
        for (const format of ["directory", "custom", "plain"]) {
            const { exitCode, stdout, stderr } = await run(mounted, "unpublished", ["checked"], "--format", format);
            strict_1.default.equal(exitCode, 1);
            strict_1.default.equal(stdout, "");
            strict_1.default.match(stderr, /error\[restore-failed\]: .*function lib\.hidden\(\) does not exist/);
            const parent = node_path_1.default.join(mounted, "unpublished");
            strict_1.default.deepEqual((0, node_fs_1.existsSync)(parent) ? await (0, promises_1.readdir)(parent) : [], []);
        }
    });
    for (const [title, source] of [
        ["does not exist on the daemon's machine", "/pgb-no-such-folder"],
        ["is another one on the daemon's machine", "EMPTY"],
    ]) {
        it(`takes a copy of a folder that ${title}`, async () => {
            const { location } = await take(mounted, "copied", tables, "--format", "directory");
            const tools = node_path_1.default.join(folder, "tools");
            await (0, promises_1.mkdir)(node_path_1.default.join(tools, "empty"), { recursive: true });
            const docker = (await (0, execa_1.execa)("which", ["docker"])).stdout;
            // Stands for a daemon elsewhere: it sees none of this machine's folders.
            const elsewhere = source === "EMPTY" ? node_path_1.default.join(tools, "empty") : source;
            await (0, promises_1.writeFile)(node_path_1.default.join(tools, "docker"), `#!/bin/bash\nexec ${docker} "\${@/source=*,target/source=${elsewhere},target}"\n`, { mode: 0o755 });
            const { exitCode, stderr } = await drill(location, { PATH: `${tools}:${process.env["PATH"] ?? ""}` });
            strict_1.default.equal(exitCode, 0, stderr);
        });
    }
});
