import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { root } from "../../../setup/paths";
import { mutants } from "../../mutants/list";

describe("the list of mutants", () => {
  it("names places that the code has once, and tests that exist", () => {
    for (const { title, file, text, tests } of mutants) {
      assert.equal(readFileSync(path.join(root, file), "utf8").split(text).length - 1, 1, title);
      for (const test of tests) assert.ok(existsSync(path.join(root, test)), `${title}: ${test}`);
    }
  });

  it("has each mutant once", () => {
    assert.equal(new Set(mutants.map(({ title }) => title)).size, mutants.length);
  });
});
