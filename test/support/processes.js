"use strict";
Object.defineProperty(exports, "__esModule", { value: true });
exports.isAlive = isAlive;
exports.mountsBelow = mountsBelow;
const promises_1 = require("node:fs/promises");
function isAlive(pid) {
    try {
        process.kill(pid, 0);
        return true;
    }
    catch {
        return false;
    }
}
/** Where something is mounted at a path that begins so, in order of mounting. */
async function mountsBelow(start) {
    const mounts = await (0, promises_1.readFile)("/proc/mounts", "utf8").catch(() => "");
    return mounts
        .split("\n")
        .map((line) => line.split(" ")[1] ?? "")
        .filter((folder) => folder.startsWith(start));
}
