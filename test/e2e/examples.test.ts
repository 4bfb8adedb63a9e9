import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { Manifest } from "../../runner/manifest";
import { root } from "../../setup/paths";
import { createProject, type Project, removeProject, up } from "../support/stack";

const folder = path.join(root, "examples", "daily");

describe("examples/daily", function () {
  this.timeout(120_000);
  let project: Project;

  before(async () => {
    project = await createProject(folder, await readdir(folder));
  });
  after(() => removeProject(project));

  it("takes its backup with the package by name", async () => {
    const { outputs } = await up(project);
    const manifest = await readFile(path.join(String(outputs["location"]), "manifest.json"), "utf8");
    const tables = Manifest.parse(JSON.parse(manifest)).tables.map(({ name, rows }) => [name, rows]);
    assert.deepEqual(tables, [
      ["dias_catalogue", 2],
      ["roi2020_S2_signatures", 100],
    ]);
  });

  it("is what the README shows", async () => {
    const [program, readme] = await Promise.all([
      readFile(path.join(folder, "index.ts"), "utf8"),
      readFile(path.join(root, "README.md"), "utf8"),
    ]);
    assert.ok(readme.includes(`\`\`\`ts\n${program}\`\`\``));
  });
});
