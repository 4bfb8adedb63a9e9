import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { commandLineFile, commandLinePage } from "../../../schema/command-line-page";

describe("docs/command-line.md", () => {
  it('is what "npm run schema" writes', () => {
    assert.equal(readFileSync(commandLineFile, "utf8"), commandLinePage());
  });
});
