"use strict";
var __importDefault = (this && this.__importDefault) || function (mod) {
    return (mod && mod.__esModule) ? mod : { "default": mod };
};
Object.defineProperty(exports, "__esModule", { value: true });
const mocha_1 = __importDefault(require("mocha"));
/** Mocha's own report, and a last line that a machine can read. */
class Reporter extends mocha_1.default.reporters.Spec {
    done(failures, fn) {
        const { passes, failures: failed, pending } = this.stats;
        console.log(`${passes} passed, ${failed} failed${pending > 0 ? `, ${pending} skipped` : ""}`);
        fn(failures);
    }
}
module.exports = Reporter;
