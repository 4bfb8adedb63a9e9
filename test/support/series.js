"use strict";
var __importDefault = (this && this.__importDefault) || function (mod) {
    return (mod && mod.__esModule) ? mod : { "default": mod };
};
Object.defineProperty(exports, "__esModule", { value: true });
exports.sampleManifest = sampleManifest;
exports.sampleStored = sampleStored;
exports.writeBackup = writeBackup;
exports.redate = redate;
/** Backups as they are on disk, made without a database, and changes to real ones. */
const strict_1 = __importDefault(require("node:assert/strict"));
const promises_1 = require("node:fs/promises");
const node_path_1 = __importDefault(require("node:path"));
const folder_1 = require("../../runner/store/folder");
/** The manifest of a backup in the directory format, as far as anybody looks at it. */
function sampleManifest(id, sample = {}) {
    const { name = "cbm", tables = ["t"], compression = "zstd:1", bytes = 10, files = 1 } = sample;
    const time = id.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, "$1-$2-$3T$4:$5:$6Z");
    const paths = ["prepare.sql", ...Array.from({ length: files }, (_, index) => `archive/${index}.dat`)];
    return {
        manifestVersion: 1,
        id,
        name,
        startedAt: time,
        finishedAt: time,
        source: {
            container: "pg_spat",
            containerId: "c0",
            image: "postgis",
            imageDigest: "sha256:0",
            database: "postgres",
            serverVersion: "17.0",
            encoding: "UTF8",
            lcCollate: "C",
            lcCtype: "C",
        },
        pgDumpVersion: "17.0",
        snapshot: "0-1",
        format: "directory",
        compression,
        jobs: 1,
        fingerprintMethod: "record",
        tables: tables.map((table) => ({
            schema: "public",
            name: table,
            kind: "table",
            owner: "postgres",
            bytes: 8192,
            rows: 5,
            fingerprint: "1",
            indexes: [],
            constraints: [],
        })),
        requires: {
            schemas: [],
            extensions: [],
            types: [],
            functions: [],
            others: [],
            sequences: [],
            roles: ["postgres"],
            customSrids: [],
        },
        files: paths.map((file) => ({ path: file, bytes, sha256: "0".repeat(64) })),
        relations: [],
        acceptedReferences: [],
        skipped: [],
        verification: { level: "archive", seconds: 0 },
    };
}
/** A backup as a store gives it. */
function sampleStored(id, change = {}) {
    const startedAt = (0, folder_1.backupTime)(id);
    strict_1.default.ok(startedAt, id);
    const listed = {
        id,
        name: "cbm",
        location: `/b/cbm/${id}`,
        startedAt,
        bytes: 1,
        kept: false,
        latest: false,
    };
    return { ...listed, manifest: sampleManifest(id), ...change };
}
/** A complete backup; its folder. */
async function writeBackup(directory, id, sample = {}) {
    const manifest = sampleManifest(id, sample);
    const folder = node_path_1.default.join(directory, manifest.name, id);
    await (0, promises_1.mkdir)(node_path_1.default.join(folder, "archive"), { recursive: true });
    for (const file of manifest.files)
        await (0, promises_1.writeFile)(node_path_1.default.join(folder, file.path), Buffer.alloc(file.bytes));
    await (0, promises_1.writeFile)(node_path_1.default.join(folder, "manifest.json"), JSON.stringify(manifest));
    return folder;
}
/** Makes a backup one of another time, as if it had been taken then. */
async function redate(series, from, to) {
    await (0, promises_1.rename)(node_path_1.default.join(series, from), node_path_1.default.join(series, to));
    const file = node_path_1.default.join(series, to, "manifest.json");
    const manifest = JSON.parse(await (0, promises_1.readFile)(file, "utf8"));
    await (0, promises_1.writeFile)(file, JSON.stringify({ ...manifest, id: to }));
}
