"use strict";
var __importDefault = (this && this.__importDefault) || function (mod) {
    return (mod && mod.__esModule) ? mod : { "default": mod };
};
Object.defineProperty(exports, "__esModule", { value: true });
const strict_1 = __importDefault(require("node:assert/strict"));
const node_fs_1 = require("node:fs");
const generate_1 = require("../../../schema/generate");
describe("the published schema of the manifest", () => {
    it("is the one that the code defines", () => {
        strict_1.default.equal((0, node_fs_1.readFileSync)(generate_1.schemaFile, "utf8"), (0, generate_1.manifestSchema)(), 'run "npm run schema"');
    });
});
