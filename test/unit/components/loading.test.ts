import assert from "node:assert/strict";
import { readdirSync, readFileSync, realpathSync } from "node:fs";
import path from "node:path";
import { execa } from "execa";
import { root } from "../../../setup/paths";

/** Names of the packages that a folder's files import. */
function librariesOf(folder: string): string[] {
  const sources = readdirSync(path.join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts"))
    .map((file) => readFileSync(path.join(root, folder, file), "utf8"));
  const imported = sources.flatMap((source) =>
    [...source.matchAll(/ from "((?:@[\w-]+\/)?[\w-]+)(?:\/[^"]*)?";/g)].map(([, name = ""]) => name),
  );
  return [...new Set(imported)].sort();
}

describe("what the stack program loads, which every update waits for", () => {
  let files: string[];

  before(async () => {
    // It fails for want of its settings, after its imports, and so is not among the modules itself.
    const program = `
      process.on("exit", () => console.log(JSON.stringify(Object.keys(require.cache))));
      require("./index.ts");`;
    const { stdout } = await execa(
      process.execPath,
      ["--require", "ts-node/register/transpile-only", "--eval", program],
      { cwd: root, reject: false },
    );
    files = JSON.parse(stdout) as string[];
  });

  it("is compiled but for the program itself", () => {
    const sources = files.filter((file) => file.endsWith(".ts"));
    assert.deepEqual(sources, []);
  });

  it("is none of the runner's libraries, and of the AWS SDK not the whole", () => {
    const modules = realpathSync(path.join(root, "node_modules"));
    const loaded = (file: string) => files.some((name) => name.startsWith(path.join(modules, file)));
    assert.deepEqual(
      librariesOf("runner").filter((name) => loaded(`${name}${path.sep}`)),
      ["croner", "ms", "zod"],
    );
    assert.ok(!loaded("@pulumi/aws/index.js"));
  });
});
