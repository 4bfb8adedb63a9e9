"use strict";
var __importDefault = (this && this.__importDefault) || function (mod) {
    return (mod && mod.__esModule) ? mod : { "default": mod };
};
Object.defineProperty(exports, "__esModule", { value: true });
const strict_1 = __importDefault(require("node:assert/strict"));
const promises_1 = require("node:fs/promises");
const node_path_1 = __importDefault(require("node:path"));
const execa_1 = require("execa");
const failure_1 = require("../../../runner/failure");
const manifest_1 = require("../../../runner/manifest");
const files_1 = require("../../../runner/store/files");
const seal_1 = require("../../../runner/store/seal");
const damage_1 = require("../../support/damage");
const resources_1 = require("../../support/resources");
const bare = {
    ...{ manifestVersion: 1, id: "20261122T081500Z", name: "cbm" },
    ...{ startedAt: "2026-11-22T08:15:00.000Z", finishedAt: "2026-11-22T08:15:00.000Z" },
    source: {
        ...{
            container: "c",
            containerId: "i",
            image: "m",
            imageDigest: "d",
            database: "b",
            serverVersion: "17.6",
        },
        ...{ encoding: "UTF8", lcCollate: "C", lcCtype: "C" },
    },
    ...{ pgDumpVersion: "17.6", snapshot: "s", format: "custom", compression: "none", jobs: 1 },
    ...{
        fingerprintMethod: "record",
        tables: [],
        relations: [],
        acceptedReferences: [],
        skipped: [],
        files: [],
    },
    requires: {
        ...{ schemas: [], extensions: [], types: [], functions: [], others: [] },
        ...{ sequences: [], roles: [], customSrids: [] },
    },
    verification: { level: "none", seconds: 0 },
};
describe("a sealed backup", () => {
    let folder;
    let manifest;
    const none = new AbortController().signal;
    const file = (name) => node_path_1.default.join(folder, name);
    const check = async () => {
        await (0, seal_1.checkFiles)(folder, (await (0, seal_1.readSealed)(folder)).files, none);
    };
    beforeEach(async () => {
        folder = await (0, resources_1.temporaryFolder)();
        await (0, promises_1.writeFile)(file("archive.dump"), "rows");
        await (0, promises_1.writeFile)(file("prepare.sql"), "");
        manifest = manifest_1.Manifest.parse({ ...bare, files: await (0, files_1.sealFiles)(folder) });
        await (0, seal_1.sealBackup)(folder, manifest);
    });
    afterEach(() => (0, resources_1.removeFolder)(folder));
    it("passes its own check and that of sha256sum, every file but the checksums themselves included", async () => {
        strict_1.default.deepEqual(await (0, seal_1.readSealed)(folder), manifest);
        await check();
        const { stdout } = await (0, execa_1.execa)("sha256sum", ["--check", "--strict", "SHA256SUMS"], { cwd: folder });
        strict_1.default.deepEqual(stdout.split("\n"), ["archive.dump: OK", "prepare.sql: OK", "manifest.json: OK"]);
    });
    it("may get further files", async () => {
        await (0, promises_1.writeFile)(file("keep"), "");
        await check();
    });
    for (const name of ["manifest.json", "SHA256SUMS", "archive.dump"]) {
        it(`shows a flipped bit, whichever byte of ${name} it is in`, async () => {
            const original = await (0, promises_1.readFile)(file(name));
            for (let position = 0; position < original.length; position++) {
                await (0, damage_1.flipBit)(file(name), position);
                await strict_1.default.rejects(check, (error) => {
                    strict_1.default.ok(error instanceof failure_1.Failure, String(error));
                    strict_1.default.match(error.code, /^(checksum-mismatch|manifest-unreadable)$/);
                    strict_1.default.ok(error.message.includes(name), `${position}: ${error.message}`);
                    return true;
                });
                await (0, promises_1.writeFile)(file(name), original);
            }
        });
    }
    for (const name of ["manifest.json", "SHA256SUMS", "archive.dump", "prepare.sql"]) {
        it(`misses ${name}`, async () => {
            await (0, promises_1.rm)(file(name));
            await strict_1.default.rejects(check, new RegExp(`${name} is missing`));
        });
    }
    it("names every file that is damaged, and how", async () => {
        await (0, damage_1.cutEnd)(file("archive.dump"));
        await (0, promises_1.writeFile)(file("prepare.sql"), "DROP TABLE x;");
        await strict_1.default.rejects(check, /archive\.dump has 3 bytes instead of 4[^]*prepare\.sql has 13 bytes instead of 0/);
    });
    it("does not take a line more for the same checksums", async () => {
        await (0, promises_1.writeFile)(file("SHA256SUMS"), `\n${await (0, promises_1.readFile)(file("SHA256SUMS"), "utf8")}`);
        await strict_1.default.rejects(check, /SHA256SUMS is not what was written/);
    });
});
