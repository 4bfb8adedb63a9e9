import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { installOffline } from "../../offline/install";
import { builtPulumi, root } from "../../setup/paths";
import { fail, stackForEachTest, succeed } from "./plugin-stack";

describe("the offline language host, and the installation", function () {
  this.timeout(120_000);
  const stack = stackForEachTest();

  it("installs once, for the versions that the SDKs ask for, and spares an official language host", async () => {
    const logged: string[] = [];
    const cacheDir = await mkdtemp(join(tmpdir(), "offline-install-"));
    const pulumi = join(cacheDir, "bin", "pulumi");
    try {
      await mkdir(join(cacheDir, "bin"));
      await symlink(builtPulumi, pulumi);
      const install = () => installOffline({ cacheDir, pulumi, log: (line) => logged.push(line) });
      await install();
      assert.equal(logged.length, 4);
      const plugins = join(cacheDir, "pulumi-home", "plugins");
      const program = join(plugins, "resource-docker-v5.2.0", "pulumi-resource-docker");
      assert.ok((await stat(program)).mode & 0o111);
      assert.ok(existsSync(join(plugins, "resource-command-v1.2.1", "pulumi-resource-command")));
      assert.ok(existsSync(join(plugins, "resource-aws-v7.48.0", "pulumi-resource-aws")));
      await install();
      assert.equal(logged.length, 4);
      await writeFile(program, "#!/bin/sh\n");
      await install();
      assert.equal(logged.length, 5);
      assert.match(await readFile(program, "utf8"), /dist\/offline\/docker\/main\.js/);

      const host = join(cacheDir, "bin", "pulumi-language-nodejs");
      assert.match(await readFile(host, "utf8"), /dist\/offline\/language-nodejs\/main\.js/);
      await writeFile(host, "an official host");
      await install();
      assert.equal(await readFile(host, "utf8"), "an official host");
    } finally {
      await rm(cacheDir, { recursive: true });
    }
  });

  it("shows what a program prints, passes its configuration, and reports its errors once", async () => {
    await stack.cli("config", "set", "key", "value");
    await stack.cli("config", "set", "--secret", "password", "hidden");
    await stack.program(`
      const config = new pulumi.Config();
      console.log("printed", config.get("key"), pulumi.getStack(), pulumi.runtime.isDryRun());
      exports.password = config.requireSecret("password");`);
    assert.match(await succeed(stack.cli("preview")), /printed value dev true/);
    assert.match(await succeed(stack.up()), /printed value dev false/);
    assert.match((await stack.cli("stack", "output")).output, /password +\[secret\]/);

    await stack.program(`throw new Error("my own error");`);
    const output = await fail(stack.up());
    assert.equal(output.match(/Error: my own error/g)?.length, 1, output);
    assert.doesNotMatch(output, /non-zero exit code/);

    await stack.program(`process.exit(7);`);
    assert.match(await fail(stack.up()), /Program exited with non-zero exit code: 7/);
  });

  it("finds the providers' schemas", async () => {
    const { ok, output } = await stack.cli("package", "get-schema", "docker@5.2.0");
    assert.ok(ok, output);
    assert.match(output, /"docker:index\/container:Container"/);
    const command = await stack.cli("package", "get-schema", "command@1.2.1");
    assert.match(command.output, /"addPreviousOutputInEnv"/);
  });

  it("runs a plugin written in TypeScript", async () => {
    const plugin = join(stack.folder, "plugin");
    await mkdir(plugin);
    await symlink(join(root, "node_modules"), join(plugin, "node_modules"));
    await writeFile(join(plugin, "PulumiPlugin.yaml"), "runtime: nodejs\n");
    await writeFile(
      join(plugin, "package.json"),
      JSON.stringify({ name: "things", version: "1.0.0", main: "index.ts" }),
    );
    await writeFile(
      join(plugin, "index.ts"),
      `import * as pulumi from "@pulumi/pulumi";
      export interface ThingArgs { size: pulumi.Input<number>; }
      export class Thing extends pulumi.ComponentResource {
        constructor(name: string, args: ThingArgs, opts?: pulumi.ComponentResourceOptions) {
          super("things:index:Thing", name, args, opts);
        }
      }`,
    );
    const { ok, output } = await stack.cli("package", "get-schema", plugin);
    assert.ok(ok, output);
    assert.match(output, /"things:index:Thing"/);
    assert.match(output, /"size"/);
  });
});
