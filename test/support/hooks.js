"use strict";
var __importDefault = (this && this.__importDefault) || function (mod) {
    return (mod && mod.__esModule) ? mod : { "default": mod };
};
Object.defineProperty(exports, "__esModule", { value: true });
exports.mochaHooks = void 0;
const node_fs_1 = require("node:fs");
const node_path_1 = __importDefault(require("node:path"));
const paths_1 = require("../../setup/paths");
const resources_1 = require("./resources");
const second_daemon_1 = require("./second-daemon");
/** What a killed run left behind is removed first, where there is an engine to ask. */
exports.mochaHooks = {
    async beforeAll() {
        this.timeout(60_000);
        if ((0, node_fs_1.existsSync)(node_path_1.default.join(paths_1.cache, "environment.json")))
            await (0, resources_1.removeLeftovers)();
        await second_daemon_1.SecondDaemon.removeLeftovers();
    },
};
