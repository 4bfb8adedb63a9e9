import assert from "node:assert/strict";
import { readdirSync, readFileSync, realpathSync, statSync } from "node:fs";
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
      ["ms", "zod"],
    );
    assert.ok(!loaded("@pulumi/aws/index.js"));
  });
});

/** Each command waits until its program is loaded; the tests do so thousands of times. */
describe("what the command line loads", () => {
  const program = "dist/postgis-backup.js";
  const { outputs } = JSON.parse(readFileSync(path.join(root, "dist/command-line.json"), "utf8")) as {
    outputs: Record<string, { inputs: Record<string, { bytesInOutput: number }> }>;
  };

  it("is no more than 2.8 MB, of which the languages of zod are English alone", () => {
    assert.ok(statSync(path.join(root, program)).size < 2_800_000);
    const languages = Object.entries(outputs[program]?.inputs ?? {}).filter(
      ([file, { bytesInOutput }]) => /\/zod\/.*\/locales\/(?!index)/.test(file) && bytesInOutput > 0,
    );
    assert.deepEqual(
      languages.map(([file]) => path.basename(file)),
      ["en.js"],
    );
  });

  it("is no network client and no server, until it needs one", async () => {
    const load = `
      process.argv.push("postgis-backup", "--version");
      process.on("exit", () => console.log(JSON.stringify(process.moduleLoadList)));
      require(${JSON.stringify(path.join(root, program))});`;
    const { stdout } = await execa(process.execPath, ["--eval", load]);
    const loaded = JSON.parse(stdout.split("\n").at(-1) ?? "") as string[];
    assert.ok(loaded.includes("NativeModule child_process"));
    assert.deepEqual(
      loaded.filter((name) => /^NativeModule (http|https|tls|_http_client|_http_server)$/.test(name)),
      [],
    );
  });
});
