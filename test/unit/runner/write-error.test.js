"use strict";
var __importDefault = (this && this.__importDefault) || function (mod) {
    return (mod && mod.__esModule) ? mod : { "default": mod };
};
Object.defineProperty(exports, "__esModule", { value: true });
const strict_1 = __importDefault(require("node:assert/strict"));
const dump_1 = require("../../../runner/postgres/dump");
describe("what keeps pg_dump from writing", () => {
    it("is told from its words", () => {
        const words = "pg_dump: error: could not write to file: No space left on device";
        strict_1.default.equal((0, dump_1.writeError)(undefined, words).code, "ENOSPC");
        strict_1.default.equal((0, dump_1.writeError)(undefined, "x: Read-only file system").code, "EROFS");
    });
    it("is not what the server's own disk lacks", () => {
        const words = "pg_dump: detail: ERROR:  could not write block 7 of temporary file: No space left on device";
        strict_1.default.equal((0, dump_1.writeError)(undefined, words), undefined);
        strict_1.default.equal((0, dump_1.writeError)(undefined, "pg_dump: error: query failed"), undefined);
    });
    it("is the error of the file that is written here, where the archive is streamed", () => {
        const cause = Object.assign(new Error("ENOSPC: no space left on device, write"), {
            code: "ENOSPC",
            syscall: "write",
        });
        strict_1.default.equal((0, dump_1.writeError)(cause, ""), cause);
        strict_1.default.equal((0, dump_1.writeError)(Object.assign(new Error("spawn docker ENOENT"), { syscall: "spawn docker" }), ""), undefined);
    });
});
