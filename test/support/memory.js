"use strict";
Object.defineProperty(exports, "__esModule", { value: true });
exports.peakMemory = peakMemory;
const promises_1 = require("node:fs/promises");
const promises_2 = require("node:timers/promises");
/** Follows a process to its end; the most memory, in MB, that it ever had at once. */
async function peakMemory(pid) {
    let peak = 0;
    for (;;) {
        const status = await (0, promises_1.readFile)(`/proc/${pid}/status`, "utf8").catch(() => undefined);
        if (status === undefined)
            return peak;
        const kilobytes = /^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1];
        if (kilobytes !== undefined)
            peak = Number(kilobytes) / 1024;
        await (0, promises_2.setTimeout)(50);
    }
}
