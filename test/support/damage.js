"use strict";
var __importDefault = (this && this.__importDefault) || function (mod) {
    return (mod && mod.__esModule) ? mod : { "default": mod };
};
Object.defineProperty(exports, "__esModule", { value: true });
exports.flipBit = flipBit;
exports.cutEnd = cutEnd;
exports.filesOf = filesOf;
exports.reseal = reseal;
/** Ways to spoil a backup on disk. */
const node_crypto_1 = require("node:crypto");
const promises_1 = require("node:fs/promises");
const node_path_1 = __importDefault(require("node:path"));
/** Flips one bit of a file, by default in the middle. */
async function flipBit(file, position) {
    const bytes = await (0, promises_1.readFile)(file);
    const at = position ?? Math.floor(bytes.length / 2);
    bytes[at] = (bytes[at] ?? 0) ^ 1;
    await (0, promises_1.writeFile)(file, bytes);
}
async function cutEnd(file, bytes = 1) {
    await (0, promises_1.truncate)(file, (await (0, promises_1.stat)(file)).size - bytes);
}
/** All files of a backup, relative to its folder. */
async function filesOf(backup) {
    const entries = await (0, promises_1.readdir)(backup, { recursive: true, withFileTypes: true });
    return entries
        .filter((entry) => entry.isFile())
        .map((entry) => node_path_1.default.relative(backup, node_path_1.default.join(entry.parentPath, entry.name)))
        .sort();
}
/** Changes a manifest, and makes every size and checksum fit the files as they are, as only a forger would. */
async function reseal(backup, change = () => undefined) {
    const file = node_path_1.default.join(backup, "manifest.json");
    const manifest = JSON.parse(await (0, promises_1.readFile)(file, "utf8"));
    change(manifest);
    const hash = (content) => (0, node_crypto_1.createHash)("sha256").update(content).digest("hex");
    for (const stored of manifest.files) {
        const content = await (0, promises_1.readFile)(node_path_1.default.join(backup, stored.path));
        Object.assign(stored, { bytes: content.length, sha256: hash(content) });
    }
    const text = JSON.stringify(manifest);
    await (0, promises_1.writeFile)(file, text);
    const lines = [...manifest.files, { path: "manifest.json", sha256: hash(text) }];
    const sums = lines.map((line) => `${line.sha256}  ${line.path}\n`).join("");
    await (0, promises_1.writeFile)(node_path_1.default.join(backup, "SHA256SUMS"), sums);
}
