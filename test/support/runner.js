"use strict";
var __importDefault = (this && this.__importDefault) || function (mod) {
    return (mod && mod.__esModule) ? mod : { "default": mod };
};
Object.defineProperty(exports, "__esModule", { value: true });
exports.runnerMain = void 0;
exports.runRunner = runRunner;
const node_path_1 = __importDefault(require("node:path"));
const execa_1 = require("execa");
exports.runnerMain = node_path_1.default.resolve(__dirname, "../../dist/runner/main.js");
/** Runs the compiled command line as a user would. */
function runRunner(args, env = {}) {
    return (0, execa_1.execa)("node", [exports.runnerMain, ...args], { reject: false, env });
}
