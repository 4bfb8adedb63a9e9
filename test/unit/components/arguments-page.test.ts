import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { postgisContainer, tableBackup, type Argument } from "../../../schema/argument-effects";
import { argumentsFile, argumentsPage } from "../../../schema/arguments-page";
import { root } from "../../../setup/paths";

describe("docs/arguments.md", () => {
  it("is what the table and the comments of the code say", () => {
    assert.equal(readFileSync(argumentsFile, "utf8"), argumentsPage(), 'run "npm run schema"');
  });

  it("says of a change what the settings in README.md say", () => {
    const readme = readFileSync(path.join(root, "README.md"), "utf8");
    const settings = readme.slice(
      readme.indexOf("## Settings of the stack"),
      readme.indexOf("## How it works"),
    );
    const table: Readonly<Record<string, Argument>> = { ...tableBackup, ...postgisContainer };
    const words = new Map([
      ["container", "new container, same data"],
      ["newBackup", "new backup"],
      ["noBackup", "no new backup"],
      ["otherVolume", "refused, because the data is in the present one"],
      ["otherName", "new container, same data, where `volumeName` names their volume, else refused"],
    ]);
    const rows = settings.split("\n").filter((line) => line.startsWith("| `"));
    for (const row of rows) {
      for (const [, name = ""] of (row.split(" | ")[0] ?? "").matchAll(/`(\w+)`/g)) {
        const effect = table[name]?.effect;
        const expected = effect && words.get(effect);
        if (expected === undefined || name === "backupDirectory") continue;
        assert.ok(row.includes(expected), `${name}: "${expected}" is not in: ${row}`);
        if (effect === "newBackup") assert.ok(!row.includes("no new backup"), row);
      }
    }
  });
});
