"use strict";
var __importDefault = (this && this.__importDefault) || function (mod) {
    return (mod && mod.__esModule) ? mod : { "default": mod };
};
Object.defineProperty(exports, "__esModule", { value: true });
const strict_1 = __importDefault(require("node:assert/strict"));
const promises_1 = require("node:timers/promises");
const progress_1 = require("../../../runner/progress");
describe("progress", () => {
    it("is at most a line a second, with table, bytes and rate, and ends when it is stopped", async () => {
        const lines = [];
        const progress = (0, progress_1.progressTo)((line) => lines.push(line));
        let bytes = 0;
        const stop = progress.follow(() => "public.a, public.b", () => Promise.resolve((bytes += 5_000_000)));
        await (0, promises_1.setTimeout)(2300);
        stop();
        await (0, promises_1.setTimeout)(1200);
        strict_1.default.equal(lines.length, 2);
        strict_1.default.match(lines[0] ?? "", /^public\.a, public\.b: 5 MB written, \d+(\.\d+)? MB\/s$/);
        strict_1.default.match(lines[1] ?? "", /: 10 MB written, /);
    });
});
