import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { root } from "../../../setup/paths";

const read = (file: string) => readFileSync(path.join(root, file), "utf8");

describe("docs/_index.md", () => {
  /** The programs that test/e2e runs. */
  const samples = {
    typescript: "examples/daily/index.ts",
    python: "examples/python/__main__.py",
    yaml: "examples/yaml/Pulumi.yaml",
  };
  for (const [language, program] of Object.entries(samples))
    it(`shows ${program}`, () => {
      assert.ok(read("docs/_index.md").includes(`\`\`\`${language}\n${read(program)}\`\`\``));
    });
});

describe("docs/installation-configuration.md", () => {
  it("says to install all of Pulumi's SDKs that the components use", () => {
    const { peerDependencies } = JSON.parse(read("package.json")) as { peerDependencies: object };
    const [, command = ""] =
      /^npm install postgis-backup (.*)$/m.exec(read("docs/installation-configuration.md")) ?? [];
    const named = command.split(" ").map((name) => name.replace(/(?<=.)@.*/, ""));
    assert.deepEqual(named.toSorted(), Object.keys(peerDependencies).toSorted());
  });
});
