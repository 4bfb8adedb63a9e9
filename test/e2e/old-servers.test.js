"use strict";
var __importDefault = (this && this.__importDefault) || function (mod) {
    return (mod && mod.__esModule) ? mod : { "default": mod };
};
Object.defineProperty(exports, "__esModule", { value: true });
const strict_1 = __importDefault(require("node:assert/strict"));
const promises_1 = require("node:fs/promises");
const node_path_1 = __importDefault(require("node:path"));
const execa_1 = require("execa");
const build_1 = require("../../offline/image/build");
const request_1 = require("../../runner/request");
const paths_1 = require("../../setup/paths");
const container_1 = require("../support/container");
const environment_1 = require("../support/environment");
const resources_1 = require("../support/resources");
const runner_1 = require("../support/runner");
const source = `
CREATE TYPE mood AS ENUM ('sad', 'ok');
CREATE FUNCTION positive(int) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT $1 > 0';
CREATE SEQUENCE shared;
CREATE TABLE "Parcels" (id int PRIMARY KEY DEFAULT nextval('shared'), m mood, x int CHECK (positive(x)), t timestamptz,
  status varchar(5) CHECK (status IN ('a', 'b')), g geometry(Polygon, 3035));
INSERT INTO "Parcels" (m, x, t, status, g)
  SELECT 'ok', i, now(), 'a', ST_SetSRID(ST_MakeEnvelope(i, i, i + 1, i + 2), 3035) FROM generate_series(1, 2000) i;
CREATE INDEX ON "Parcels" USING gist (g);
CREATE TABLE parted (y int, v text) PARTITION BY RANGE (y);
CREATE TABLE parted_2020 PARTITION OF parted FOR VALUES FROM (2020) TO (2021);
INSERT INTO parted SELECT 2020, i::text FROM generate_series(1, 100) i;`;
/** The image of a version: the official one where that is in use, else one built from Debian packages. */
async function imageOf(version) {
    const { image } = await environment_1.environment;
    if (image.startsWith("postgis-backup-offline/"))
        return (0, build_1.buildImage)({ version, cacheDir: node_path_1.default.join(paths_1.cache, "image"), log: () => undefined });
    const official = `postgis/postgis:${version}`;
    await (0, execa_1.execa)("docker", ["pull", "--quiet", official]);
    return official;
}
async function backup(container, folder, ...options) {
    return (0, runner_1.runRunner)([
        ...["backup", "--container", container, "--table", "Parcels", "--table", "parted", "--json"],
        ...["--directory", folder, "--name", "old", ...options],
    ]);
}
for (const [version, method] of [
    ["13-3.1", "text"],
    ["15-3.3", "record"],
]) {
    describe(`PostgreSQL and PostGIS ${version}`, function () {
        this.timeout(120_000);
        let container;
        let folder;
        before(async function () {
            this.timeout(600_000);
            folder = await (0, resources_1.temporaryFolder)();
            container = await (0, container_1.startServer)({ mount: folder, image: await imageOf(version) });
            await (0, resources_1.sql)(container, source);
        });
        after(async () => {
            await (0, resources_1.removeContainer)(container);
            await (0, resources_1.removeFolder)(folder);
        });
        for (const format of ["directory", "custom", "plain"]) {
            it(`is backed up and restored in the ${format} format, with gzip, which it knows`, async () => {
                const { exitCode, stdout, stderr } = await backup(container, folder, "--format", format, "--verify", "restore");
                strict_1.default.equal(exitCode, 0, stderr);
                const { manifest, verification } = request_1.BackupResult.parse(JSON.parse(stdout));
                strict_1.default.equal(verification.level, "restore");
                const content = JSON.parse(await (0, promises_1.readFile)(manifest, "utf8"));
                strict_1.default.equal(content["compression"], "gzip:1");
                strict_1.default.equal(content["fingerprintMethod"], method);
            });
        }
        it("does not know zstd, and says so", async () => {
            const { exitCode, stderr } = await backup(container, folder, "--compression", "zstd:1");
            strict_1.default.equal(exitCode, 1);
            strict_1.default.match(stderr, /error\[compression-unsupported\]: pg_dump 1\d in the container cannot compress with zstd/);
        });
    });
}
describe("a pg_dump that was built without zstd", function () {
    this.timeout(120_000);
    let container;
    let folder;
    before(async () => {
        folder = await (0, resources_1.temporaryFolder)();
        container = await (0, container_1.startServer)({ mount: folder });
        await (0, resources_1.sql)(container, source);
        // Says what such a build says, word for word.
        const wrapper = `#!/bin/bash
case "$*" in *--compress=zstd*) echo 'pg_dump: error: this build does not support compression with zstd' >&2; exit 1;; esac
exec "$(ls -d /usr/lib/postgresql/*/bin | tail -1)/pg_dump" "$@"
`;
        const file = "/usr/local/sbin/pg_dump";
        await (0, execa_1.execa)("docker", ["exec", "-i", container, "sh", "-c", `cat >${file}; chmod +x ${file}`], {
            input: wrapper,
        });
    });
    after(async () => {
        await (0, resources_1.removeContainer)(container);
        await (0, resources_1.removeFolder)(folder);
    });
    it("compresses with gzip, unless it is told what it cannot", async () => {
        const { exitCode, stdout, stderr } = await backup(container, folder);
        strict_1.default.equal(exitCode, 0, stderr);
        const { location } = request_1.BackupResult.parse(JSON.parse(stdout));
        const { stdout: files } = await (0, execa_1.execa)("ls", [node_path_1.default.join(location, "archive")]);
        strict_1.default.match(files, /\.dat\.gz$/m);
        const told = await backup(container, folder, "--compression", "zstd:3");
        strict_1.default.equal(told.exitCode, 1);
        strict_1.default.match(told.stderr, /error\[compression-unsupported\]: .*was built without zstd/);
        strict_1.default.equal((await backup(container, folder, "--compression", "gzip:6")).exitCode, 0);
    });
});
