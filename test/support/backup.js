"use strict";
var __importDefault = (this && this.__importDefault) || function (mod) {
    return (mod && mod.__esModule) ? mod : { "default": mod };
};
Object.defineProperty(exports, "__esModule", { value: true });
exports.tryBackup = tryBackup;
exports.takeBackup = takeBackup;
exports.readManifest = readManifest;
exports.failBackup = failBackup;
const strict_1 = __importDefault(require("node:assert/strict"));
const node_fs_1 = require("node:fs");
const manifest_1 = require("../../runner/manifest");
const request_1 = require("../../runner/request");
const runner_1 = require("./runner");
/** Runs `backup` as a user would; whatever comes of it. */
function tryBackup({ container, directory, name = "cbm", tables, more = [], env }) {
    const selected = tables.flatMap((table) => ["--table", table]);
    const where = ["--container", container, "--directory", directory, "--name", name];
    return (0, runner_1.runRunner)(["backup", ...where, ...selected, "--json", ...more], env);
}
/** A backup that is expected to succeed. */
async function takeBackup(options) {
    const { exitCode, stdout, stderr } = await tryBackup(options);
    strict_1.default.equal(exitCode, 0, stderr);
    const result = request_1.BackupResult.parse(JSON.parse(stdout));
    return { result, manifest: readManifest(result), stderr };
}
function readManifest({ manifest }) {
    return manifest_1.Manifest.parse(JSON.parse((0, node_fs_1.readFileSync)(manifest, "utf8")));
}
/** A backup that is expected to fail; what it wrote to standard error, without lines of progress. */
async function failBackup(options) {
    const { exitCode, stdout, stderr } = await tryBackup(options);
    strict_1.default.equal(exitCode, 1, `${stdout}\n${stderr}`);
    strict_1.default.equal(stdout, "");
    strict_1.default.ok(!/\n\s+at /.test(stderr), `a stack trace: ${stderr}`);
    return stderr.slice(Math.max(0, stderr.search(/^error/m)));
}
