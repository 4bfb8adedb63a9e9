import assert from "node:assert/strict";
import { realpathSync } from "node:fs";
import path from "node:path";
import { execa } from "execa";
import packageJson from "../../../package.json";
import { root } from "../../../setup/paths";

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
      Object.keys(packageJson.dependencies).filter((name) => loaded(`${name}${path.sep}`)),
      ["@pulumi/aws", "@pulumi/command", "@pulumi/docker", "@pulumi/pulumi", "ms", "zod"],
    );
    assert.ok(!loaded("@pulumi/aws/index.js"));
  });
});
