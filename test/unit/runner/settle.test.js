"use strict";
var __importDefault = (this && this.__importDefault) || function (mod) {
    return (mod && mod.__esModule) ? mod : { "default": mod };
};
Object.defineProperty(exports, "__esModule", { value: true });
const strict_1 = __importDefault(require("node:assert/strict"));
const settle_1 = require("../../../runner/settle");
describe("work that is told to end", () => {
    const never = () => new Promise(() => undefined);
    const later = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds, "done"));
    it("gives its result when nobody interrupts it, however long it takes", async () => {
        strict_1.default.equal(await (0, settle_1.settleAfterAbort)(later(60), new AbortController().signal, 5), "done");
    });
    it("gives its own outcome when it ends within the grace", async () => {
        const aborted = AbortSignal.abort(new Error("interrupted"));
        strict_1.default.equal(await (0, settle_1.settleAfterAbort)(later(10), aborted, 1000), "done");
        await strict_1.default.rejects((0, settle_1.settleAfterAbort)(Promise.reject(new Error("own")), aborted, 1000), /own/);
    });
    it("fails with the reason of the abort when it hangs", async () => {
        const controller = new AbortController();
        const outcome = (0, settle_1.settleAfterAbort)(never(), controller.signal, 20);
        controller.abort(new Error("interrupted"));
        await strict_1.default.rejects(outcome, /interrupted/);
    });
});
