import assert from "node:assert/strict";
import { writeError } from "../../../runner/postgres/archive/dump";

describe("what keeps pg_dump from writing", () => {
  it("is told from its words", () => {
    const words = "pg_dump: error: could not write to file: No space left on device";
    assert.equal((writeError(words) as NodeJS.ErrnoException).code, "ENOSPC");
    assert.equal((writeError("x: Read-only file system") as NodeJS.ErrnoException).code, "EROFS");
  });

  it("is not what the server's own disk lacks", () => {
    const words =
      "pg_dump: detail: ERROR:  could not write block 7 of temporary file: No space left on device";
    assert.equal(writeError(words), undefined);
    assert.equal(writeError("pg_dump: error: query failed"), undefined);
  });
});
