import assert from "node:assert/strict";
import { writeError } from "../../../runner/postgres/dump";

describe("what keeps pg_dump from writing", () => {
  it("is told from its words", () => {
    const words = "pg_dump: error: could not write to file: No space left on device";
    assert.equal((writeError(undefined, words) as NodeJS.ErrnoException).code, "ENOSPC");
    assert.equal((writeError(undefined, "x: Read-only file system") as NodeJS.ErrnoException).code, "EROFS");
  });

  it("is not what the server's own disk lacks", () => {
    const words =
      "pg_dump: detail: ERROR:  could not write block 7 of temporary file: No space left on device";
    assert.equal(writeError(undefined, words), undefined);
    assert.equal(writeError(undefined, "pg_dump: error: query failed"), undefined);
  });

  it("is the error of the file that is written here, where the archive is streamed", () => {
    const cause = Object.assign(new Error("ENOSPC: no space left on device, write"), {
      code: "ENOSPC",
      syscall: "write",
    });
    assert.equal(writeError(cause, ""), cause);
    assert.equal(
      writeError(Object.assign(new Error("spawn docker ENOENT"), { syscall: "spawn docker" }), ""),
      undefined,
    );
  });
});
