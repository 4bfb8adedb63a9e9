import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { argumentsFile, argumentsPage } from "../../../schema/arguments-page";
import { settingsPage } from "../../../schema/settings-table";

const remedy = 'run "npm run schema"';

describe("docs/arguments.md", () => {
  it("is what the table and the comments of the code say", () => {
    assert.equal(readFileSync(argumentsFile, "utf8"), argumentsPage(), remedy);
  });
});

describe("docs/settings.md", () => {
  it("has all settings of the stack, as index.ts, Pulumi.yaml, the table and the comments say", () => {
    const { actual, expected } = settingsPage();
    assert.equal(actual, expected, remedy);
  });
});
