import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { manifestSchema, schemaFile } from "../../../schema/generate";

describe("the published schema of the manifest", () => {
  it("is the one that the code defines", () => {
    assert.equal(readFileSync(schemaFile, "utf8"), manifestSchema(), 'run "npm run schema"');
  });
});
