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
const request_1 = require("../../runner/request");
const container_1 = require("../support/container");
const damage_1 = require("../support/damage");
const resources_1 = require("../support/resources");
const runner_1 = require("../support/runner");
const source = `
CREATE TABLE parcels (id int PRIMARY KEY, "Note" text, g geometry(Point, 4326));
INSERT INTO parcels SELECT i, md5(i::text), ST_SetSRID(ST_MakePoint(i % 180, 1), 4326) FROM generate_series(1, 2000) i;
CREATE TABLE signatures AS SELECT i AS pid, i % 7 AS band FROM generate_series(1, 3000) i;`;
const series = [
    { name: "directory", place: "mounted", options: ["--format", "directory"] },
    { name: "custom", place: "mounted", options: ["--format", "custom"] },
    { name: "streamed", place: "elsewhere", options: ["--format", "custom", "--compression", "gzip:1"] },
    { name: "zstd", place: "elsewhere", options: ["--format", "plain", "--compression", "zstd:1"] },
    { name: "gzip", place: "mounted", options: ["--format", "plain", "--compression", "gzip:1"] },
    { name: "none", place: "elsewhere", options: ["--format", "plain", "--compression", "none"] },
];
describe("postgis-backup verify", function () {
    this.timeout(120_000);
    let container;
    let folders;
    before(async () => {
        folders = { mounted: await (0, resources_1.temporaryFolder)(), elsewhere: await (0, resources_1.temporaryFolder)() };
        container = await (0, container_1.startServer)({ mount: folders.mounted });
        await (0, resources_1.sql)(container, source);
    });
    after(async () => {
        await (0, resources_1.removeContainer)(container);
        await Promise.all(Object.values(folders).map(resources_1.removeFolder));
    });
    const run = (name, place, ...options) => (0, runner_1.runRunner)([
        ...["backup", "--container", container, "--table", "parcels", "--table", "signatures", "--json"],
        ...["--directory", folders[place], "--name", name, ...options],
    ]);
    async function take(...args) {
        const { stdout, stderr, exitCode } = await run(...args);
        strict_1.default.equal(exitCode, 0, stderr);
        return request_1.BackupResult.parse(JSON.parse(stdout));
    }
    /** Of the backup in that folder. */
    async function verify(location, ...options) {
        const [id, parent] = [node_path_1.default.basename(location), node_path_1.default.dirname(location)];
        const where = ["--directory", node_path_1.default.dirname(parent), "--name", node_path_1.default.basename(parent)];
        return (0, runner_1.runRunner)(["verify", ...where, ...(options.includes("--all") ? [] : [id]), ...options]);
    }
    /** A copy of the backup that may be spoilt. */
    async function copyOf(backup) {
        const copy = node_path_1.default.join(folders.elsewhere, "copies", backup.backupId);
        await (0, promises_1.rm)(copy, { recursive: true, force: true });
        await (0, promises_1.cp)(backup.location, copy, { recursive: true });
        return copy;
    }
    for (const { name, place, options } of series) {
        describe(`of ${options.join(" ")}, ${place}`, () => {
            let backup;
            before(async () => {
                backup = await take(name, place, ...options);
            });
            it("passes, and so does sha256sum", async () => {
                strict_1.default.equal(backup.verification.level, "archive");
                const { exitCode, stdout, stderr } = await verify(backup.location);
                strict_1.default.equal(exitCode, 0, stderr);
                strict_1.default.match(stdout, new RegExp(`^${backup.backupId}: verified \\(archive\\) in \\d`));
                const { stdout: checked } = await (0, execa_1.execa)("sha256sum", ["--check", "--strict", "SHA256SUMS"], {
                    cwd: backup.location,
                });
                const files = (await (0, damage_1.filesOf)(backup.location)).filter((file) => file !== "SHA256SUMS");
                strict_1.default.deepEqual(checked.split("\n").sort(), files.map((file) => `${file}: OK`).sort());
            });
            it("finds a flipped bit in any file", async () => {
                for (const file of await (0, damage_1.filesOf)(backup.location)) {
                    const copy = await copyOf(backup);
                    await (0, damage_1.flipBit)(node_path_1.default.join(copy, file));
                    const { exitCode, stdout, stderr } = await verify(copy);
                    strict_1.default.equal(exitCode, 1, file);
                    strict_1.default.match(stdout, /^\S+: failed \((checksum-mismatch|manifest-unreadable)\)$/);
                    strict_1.default.ok(stderr.includes(`${file} `), stderr);
                }
            });
            it("finds an archive that was cut off before its checksums were made", async () => {
                const copy = await copyOf(backup);
                const largest = (await (0, damage_1.filesOf)(copy)).find((file) => /archive.*\.(dat.*|zst|gz|dump|sql)$/.test(file));
                await (0, damage_1.cutEnd)(node_path_1.default.join(copy, largest ?? ""), 200);
                await (0, damage_1.reseal)(copy);
                const { exitCode, stderr } = await verify(copy);
                strict_1.default.equal(exitCode, 1);
                strict_1.default.match(stderr, /^error\[archive-incomplete\]: /m);
            });
        });
    }
    it("finds files that are missing or cut off, each of them", async () => {
        const copy = await copyOf(await take("damage", "mounted"));
        await (0, promises_1.rm)(node_path_1.default.join(copy, "prepare.sql"));
        await (0, damage_1.cutEnd)(node_path_1.default.join(copy, "archive", "toc.dat"));
        const { exitCode, stderr } = await verify(copy);
        strict_1.default.equal(exitCode, 1);
        strict_1.default.match(stderr, /^error\[checksum-mismatch\]: .*archive\/toc\.dat has \d+ bytes instead of \d+/m);
        strict_1.default.match(stderr, /^error\[checksum-mismatch\]: .*prepare\.sql is missing/m);
        await (0, promises_1.rm)(node_path_1.default.join(copy, "manifest.json"));
        strict_1.default.match((await verify(copy)).stderr, /error\[manifest-unreadable\]: .*manifest\.json is missing/);
    });
    it("of all backups reports each, whatever is wrong with another", async () => {
        const first = await take("several", "elsewhere", "--format", "custom");
        const second = await take("several", "elsewhere", "--format", "plain");
        const third = await take("several", "elsewhere", "--format", "custom");
        await (0, damage_1.flipBit)(node_path_1.default.join(first.location, "archive.dump"));
        await (0, promises_1.writeFile)(node_path_1.default.join(third.location, "manifest.json"), "{");
        const { exitCode, stdout, stderr } = await verify(first.location, "--all", "--json");
        strict_1.default.equal(exitCode, 1);
        strict_1.default.deepEqual(request_1.VerifyResult.parse(JSON.parse(stdout)).backups.map(({ backupId, error }) => [backupId, error?.code]), [
            [first.backupId, "checksum-mismatch"],
            [second.backupId, undefined],
            [third.backupId, "manifest-unreadable"],
        ]);
        strict_1.default.match(stderr, /error\[checksum-mismatch\]: .*archive\.dump[^]*error\[manifest-unreadable\]: .*is not JSON/);
        const lines = (await verify(first.location, "--all")).stdout.split("\n");
        strict_1.default.equal(lines.length, 3);
    });
    it("means the latest backup where none is named, and says what it does not find", async () => {
        const { backupId } = await take("latest", "elsewhere", "--format", "plain");
        const args = ["verify", "--directory", folders.elsewhere, "--name"];
        strict_1.default.match((await (0, runner_1.runRunner)([...args, "latest"])).stdout, new RegExp(`^${backupId}: verified`));
        const unknown = await (0, runner_1.runRunner)([...args, "latest", "20200101T000000Z"]);
        strict_1.default.equal(unknown.exitCode, 1);
        strict_1.default.match(unknown.stderr, /error\[backup-not-found\]/);
        strict_1.default.equal((await (0, runner_1.runRunner)([...args, "latest", "--level", "none"])).exitCode, 2);
    });
    it("needs an image that has pg_restore, and says so", async () => {
        const { location } = await take("image", "elsewhere", "--format", "custom");
        const { exitCode, stderr } = await verify(location, "--image", "pgb-test-no-such-image");
        strict_1.default.equal(exitCode, 1);
        strict_1.default.match(stderr, /error\[docker-failed\]: The image pgb-test-no-such-image .*--image/s);
    });
    it("is left out on request, but the checksums are there", async () => {
        const { location, verification } = await take("unverified", "mounted", "--verify", "none");
        strict_1.default.deepEqual(verification, { level: "none", seconds: 0 });
        const manifest = JSON.parse(await (0, promises_1.readFile)(node_path_1.default.join(location, "manifest.json"), "utf8"));
        strict_1.default.ok("verification" in manifest);
        strict_1.default.deepEqual(manifest.verification, verification);
        strict_1.default.equal((await verify(location)).exitCode, 0);
    });
    it("is part of a backup: one that fails is not published", async () => {
        const wrapper = "/usr/local/sbin/pg_dump";
        // It loses the end of the archive, and reports success.
        const lossy = `#!/bin/bash
real=$(ls -d /usr/lib/postgresql/*/bin | tail -1)/pg_dump
case "$*" in *--strict-names*) "$real" "$@" | head --bytes=-500;; *) exec "$real" "$@";; esac
`;
        await (0, execa_1.execa)("docker", ["exec", "-i", container, "sh", "-c", `cat >${wrapper}; chmod +x ${wrapper}`], {
            input: lossy,
        });
        try {
            for (const format of ["custom", "plain"]) {
                const { exitCode, stdout, stderr } = await run("refused", "elsewhere", "--format", format);
                strict_1.default.equal(exitCode, 1);
                strict_1.default.equal(stdout, "");
                strict_1.default.match(stderr, /^error\[archive-incomplete\]: /m);
                const parent = node_path_1.default.join(folders.elsewhere, "refused");
                strict_1.default.deepEqual((0, node_fs_1.existsSync)(parent) ? await (0, promises_1.readdir)(parent) : [], []);
            }
        }
        finally {
            await (0, execa_1.execa)("docker", ["exec", container, "rm", wrapper]);
        }
    });
});
