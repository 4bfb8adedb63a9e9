import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { schemas } from "../../../schema/generate";

describe("the published schemas", () => {
  for (const [file, text] of Object.entries(schemas))
    it(`are those that the code defines: ${path.basename(file)}`, () => {
      assert.equal(readFileSync(file, "utf8"), text, 'run "npm run schema"');
    });
});
