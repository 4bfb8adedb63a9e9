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
const folder_1 = require("../../runner/store/folder");
const container_1 = require("../support/container");
const resources_1 = require("../support/resources");
const runner_1 = require("../support/runner");
const series_1 = require("../support/series");
const day = 24 * 60 * 60 * 1000;
const daysAgo = (days) => (0, folder_1.backupId)(new Date(Date.now() - days * day));
describe("retention of backups", function () {
    this.timeout(120_000);
    let container;
    let directory;
    let count = 0;
    let name;
    const series = (...below) => node_path_1.default.join(directory, name, ...below);
    before(async () => {
        directory = await (0, resources_1.temporaryFolder)();
        container = await (0, container_1.startServer)({ mount: directory });
        await (0, resources_1.sql)(container, `CREATE TABLE parcel_set AS SELECT g AS ogc_fid, md5(g::text) AS crop FROM generate_series(1, 20000) g;
       CREATE TABLE dias_catalogue AS SELECT 1 AS id;`);
    });
    after(async () => {
        await (0, resources_1.removeContainer)(container);
        await (0, resources_1.removeFolder)(directory);
    });
    beforeEach(() => {
        name = `series${count++}`;
    });
    const tables = ["--table", "parcel_set", "--table", "dias_catalogue"];
    const run = (verb, ...more) => (0, runner_1.runRunner)([verb, "--directory", directory, "--name", name, ...more]);
    async function backup(...more) {
        const chosen = more.includes("--table") ? [] : tables;
        const { exitCode, stdout, stderr } = await run("backup", "--container", container, ...chosen, "--json", ...more);
        strict_1.default.equal(exitCode, 0, stderr);
        return { ...request_1.BackupResult.parse(JSON.parse(stdout)), stderr };
    }
    /** A real backup, as if it had been taken some days ago; its id. */
    async function backupOf(days, ...more) {
        const { backupId: id } = await backup(...more);
        const dated = daysAgo(days);
        await (0, series_1.redate)(series(), id, dated);
        return dated;
    }
    const backups = async () => (await (0, promises_1.readdir)(series())).filter((entry) => entry !== "latest").sort();
    it("lists what there is, with what is known of it, and what is wrong with it", async () => {
        const damaged = await backupOf(40);
        await (0, promises_1.rm)(series(damaged, "manifest.json"));
        const kept = await backupOf(2, "--format", "custom");
        const { backupId: latest } = await backup();
        strict_1.default.equal((await run("keep", kept)).exitCode, 0);
        const { exitCode, stdout } = await run("list");
        strict_1.default.equal(exitCode, 0);
        const lines = stdout.split("\n");
        strict_1.default.match(lines[0] ?? "", /^NAME +ID +AGE +TABLES +ROWS +SIZE +FORMAT +VERIFIED +NOTE$/);
        strict_1.default.match(lines[1] ?? "", new RegExp(`^${name} +${damaged} +40d +\\? +\\? +.*B +\\? +\\? +damaged: manifest.json is missing$`));
        strict_1.default.match(lines[2] ?? "", new RegExp(`^${name} +${kept} +2d +2 +20001 +[\\d.]+ kB +custom +archive +keep$`));
        strict_1.default.match(lines[3] ?? "", new RegExp(`^${name} +${latest} +\\d+m?s +2 +20001 +[\\d.]+ kB +directory +archive +latest$`));
        const starts = lines.map((line) => line.search(/NOTE|damaged|keep|latest/));
        strict_1.default.deepEqual(starts, [starts[0], starts[0], starts[0], starts[0]]);
        const listed = JSON.parse((await (0, runner_1.runRunner)(["list", "--directory", directory, "--json"])).stdout);
        const own = listed.filter((entry) => entry.name === name);
        strict_1.default.deepEqual(own.map(({ id, problem }) => [id, problem]), [
            [damaged, "manifest.json is missing"],
            [kept, undefined],
            [latest, undefined],
        ]);
        strict_1.default.deepEqual(own[2]?.manifest, JSON.parse(await (0, promises_1.readFile)(series(latest, "manifest.json"), "utf8")));
    });
    it("says of an empty directory that it is, and fails for one that is missing", async () => {
        const empty = await (0, resources_1.temporaryFolder)();
        const list = (...more) => (0, runner_1.runRunner)(["list", "--directory", empty, ...more]);
        const [text, json] = await Promise.all([list(), list("--json")]).finally(() => (0, resources_1.removeFolder)(empty));
        strict_1.default.deepEqual([text.exitCode, text.stdout], [0, `There are no backups in ${empty}.`]);
        strict_1.default.deepEqual([json.exitCode, json.stdout], [0, "[]"]);
        const missing = await list();
        strict_1.default.equal(missing.exitCode, 1);
        strict_1.default.match(missing.stderr, /^error\[directory-not-readable\]: There is no folder /);
    });
    it("prunes by the rules: a dry run says what, and the next run does it", async () => {
        const [d400, d3, d2, d1] = [await backupOf(400), await backupOf(3), await backupOf(2), await backupOf(1)];
        const { backupId: d0 } = await backup();
        strict_1.default.equal((await run("keep", d3)).exitCode, 0);
        const dry = await run("prune", "--keep-last", "1", "--keep-daily", "2", "--dry-run");
        strict_1.default.equal(dry.exitCode, 0, dry.stderr);
        strict_1.default.deepEqual(dry.stdout
            .trimEnd()
            .split("\n")
            .map((line) => line.split(/ {2,}/)), [
            [name, d400, "would be removed"],
            [name, d3, "stays", "keep"],
            [name, d2, "would be removed"],
            [name, d1, "stays", `daily ${isoDay(d1)}`],
            [name, d0, "stays", `latest, newest, last, daily ${isoDay(d0)}`],
        ]);
        strict_1.default.deepEqual(await backups(), [d400, d3, d2, d1, d0]);
        const real = await run("prune", "--keep-last", "1", "--keep-daily", "2", "--json");
        strict_1.default.deepEqual(JSON.parse(real.stdout).removed, [d400, d2]);
        strict_1.default.deepEqual(await backups(), [d3, d1, d0]);
        for (const id of [d3, d1, d0])
            manifest_1.Manifest.parse(JSON.parse(await (0, promises_1.readFile)(series(id, "manifest.json"), "utf8")));
        strict_1.default.equal((await run("keep", "--remove", d3)).exitCode, 0);
        const request = JSON.stringify({ directory, name, keepLast: 2 });
        const piped = await (0, execa_1.execa)("node", [runner_1.runnerMain, "prune", "--request", "-"], { input: request });
        strict_1.default.deepEqual(JSON.parse(piped.stdout).removed, [d3]);
    });
    it("prunes nothing without a rule, which is wrong usage, nor where there is no such series", async () => {
        const { exitCode, stderr } = await run("prune");
        strict_1.default.equal(exitCode, 2);
        strict_1.default.match(stderr, /Name at least one rule, such as --keep-last 7/);
        const unknown = await run("prune", "--keep-last", "1");
        strict_1.default.equal(unknown.exitCode, 1);
        strict_1.default.match(unknown.stderr, /^error\[backup-not-found\]: There is no backup of "series\d+" in .* It has backups of: series0/);
        for (const value of ["0", "-1", "1.5", "all"])
            strict_1.default.equal((await run("prune", "--keep-last", value)).exitCode, 2, value);
    });
    it("marks by id or latest, and names what there is when it does not find one", async () => {
        const { backupId: id } = await backup();
        strict_1.default.equal((await run("keep", "latest")).exitCode, 0);
        strict_1.default.ok((0, node_fs_1.existsSync)(series(id, "keep")));
        strict_1.default.equal((await run("keep", "latest", "--remove")).exitCode, 0);
        strict_1.default.ok(!(0, node_fs_1.existsSync)(series(id, "keep")));
        const { exitCode, stderr } = await run("keep", "20010101T000000Z");
        strict_1.default.equal(exitCode, 1);
        strict_1.default.match(stderr, new RegExp(`^error\\[backup-not-found\\]: .*There are, newest first: ${id}\\.`));
        strict_1.default.equal((await run("keep")).exitCode, 2);
    });
    it("removes, after a backup, the earlier ones that its rules do not keep", async () => {
        const old = [await backupOf(3), await backupOf(2)];
        const yesterday = await backupOf(1);
        const result = await backup("--keep-last", "2", "--min-size-ratio", "0.9");
        strict_1.default.deepEqual(result.pruned, old);
        strict_1.default.equal(result.alarm, undefined);
        strict_1.default.deepEqual(await backups(), [yesterday, result.backupId]);
        strict_1.default.deepEqual((await backup()).pruned, []);
        strict_1.default.equal((await backups()).length, 3);
    });
    it("removes nothing, and says so, when the new backup was not verified", async () => {
        const old = [await backupOf(3), await backupOf(2)];
        const result = await backup("--keep-last", "1", "--verify", "none");
        strict_1.default.deepEqual(result.pruned, []);
        strict_1.default.match(result.alarm ?? "", /^No earlier backup was removed, because this one was not verified\./);
        strict_1.default.match(result.stderr, /^warning: No earlier backup was removed/m);
        strict_1.default.deepEqual(await backups(), [...old, result.backupId]);
    });
    it("removes nothing, and raises an alarm, when the new backup is too small; nor does prune", async () => {
        const [oldest, before] = [await backupOf(3), await backupOf(2)];
        const rules = ["--keep-last", "1", "--min-size-ratio", "0.5"];
        const result = await backup(...rules, "--table", "dias_catalogue");
        strict_1.default.deepEqual(result.pruned, []);
        strict_1.default.match(result.alarm ?? "", new RegExp(`has .* kB, less than 0\\.5 times the .* kB of ${before}.*lacks public\\.parcel_set`));
        strict_1.default.match(result.stderr, /^warning: Backup .* has .* less than 0\.5 times/m);
        strict_1.default.deepEqual(await backups(), [oldest, before, result.backupId]);
        for (const more of [[], ["--dry-run"]]) {
            const refused = await run("prune", ...rules, ...more);
            strict_1.default.equal(refused.exitCode, 1);
            strict_1.default.equal(refused.stdout, "");
            strict_1.default.match(refused.stderr, /^error\[backup-too-small\]: Backup .* No backup was removed\. Look /);
        }
        const unmarked = await backup(...rules, "--table", "dias_catalogue");
        strict_1.default.deepEqual(unmarked.pruned, [oldest, result.backupId], "the one before the drop stays");
        strict_1.default.equal((await run("prune", "--keep-last", "1")).exitCode, 0);
        strict_1.default.deepEqual(await backups(), [unmarked.backupId]);
    });
    it("is satisfied with a small backup once the one before it is marked", async () => {
        const [oldest, before] = [await backupOf(3), await backupOf(2)];
        strict_1.default.equal((await run("keep", before)).exitCode, 0);
        const result = await backup("--keep-last", "1", "--min-size-ratio", "0.5", "--table", "dias_catalogue");
        strict_1.default.deepEqual([result.pruned, result.alarm], [[oldest], undefined]);
        strict_1.default.deepEqual(await backups(), [before, result.backupId]);
    });
    it("lets a backup succeed whose earlier ones cannot be removed, with an alarm", async () => {
        const old = await backupOf(2);
        await (0, promises_1.writeFile)(series(old, "notes.txt"), "mine");
        const result = await backup("--keep-last", "1");
        strict_1.default.deepEqual(result.pruned, []);
        strict_1.default.match(result.alarm ?? "", new RegExp(`^Backup ${old} was not removed: it contains notes\\.txt`));
        strict_1.default.deepEqual(await backups(), [old, result.backupId]);
        strict_1.default.equal(await (0, promises_1.readlink)(series("latest")), result.backupId);
    });
});
function isoDay(id) {
    return id.replace(/^(\d{4})(\d\d)(\d\d)T.*/, "$1-$2-$3");
}
