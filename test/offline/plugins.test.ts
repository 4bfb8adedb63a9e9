import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";
import { afterEach, before, beforeEach, describe, it } from "mocha";
import { installOffline } from "../../offline/install";
import { builtPulumi, cache, root } from "../../setup/paths";
import { imageTag } from "../../offline/image/versions";
import { OfflineStack } from "./plugin-stack";

const IMAGE = imageTag("17-3.5");
const COMMAND = "command:local:Command";
const CONTAINER = "docker:index/container:Container";
const VOLUME = "docker:index/volume:Volume";

async function docker(...args: string[]): Promise<string> {
  return (await execa("docker", args)).stdout;
}

async function exists(...args: string[]): Promise<boolean> {
  return !(await execa("docker", args, { reject: false })).failed;
}

describe("offline plugins", function () {
  this.timeout(120_000);
  let stack: OfflineStack;

  before(async () => {
    assert.ok(existsSync(builtPulumi), `no Pulumi CLI at ${builtPulumi}`);
    assert.ok(existsSync("dist/offline/docker/main.js"), "run npm run build first");
    await installOffline({ cacheDir: cache, pulumi: builtPulumi, log: () => undefined });
  });

  beforeEach(async () => {
    stack = await OfflineStack.create();
  });

  afterEach(async () => {
    await stack.remove();
  });

  async function succeed(run: ReturnType<OfflineStack["up"]>): Promise<string> {
    const { ok, output } = await run;
    assert.ok(ok, output);
    assert.doesNotMatch(output, /warning/i);
    return output;
  }

  async function fail(run: ReturnType<OfflineStack["up"]>): Promise<string> {
    const { ok, output } = await run;
    assert.ok(!ok, output);
    return output;
  }

  describe("installation", () => {
    it("installs once, for the versions that the SDKs ask for, and spares an official language host", async () => {
      const logged: string[] = [];
      const cacheDir = await mkdtemp(join(tmpdir(), "offline-install-"));
      const pulumi = join(cacheDir, "bin", "pulumi");
      try {
        await mkdir(join(cacheDir, "bin"));
        await symlink(builtPulumi, pulumi);
        const install = () => installOffline({ cacheDir, pulumi, log: (line) => logged.push(line) });
        await install();
        assert.equal(logged.length, 3);
        const plugins = join(cacheDir, "pulumi-home", "plugins");
        const program = join(plugins, "resource-docker-v5.2.0", "pulumi-resource-docker");
        assert.ok((await stat(program)).mode & 0o111);
        assert.ok(existsSync(join(plugins, "resource-command-v1.2.1", "pulumi-resource-command")));
        await install();
        assert.equal(logged.length, 3);
        await writeFile(program, "#!/bin/sh\n");
        await install();
        assert.equal(logged.length, 4);
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
  });

  describe("language host", () => {
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

  describe("command", () => {
    const log = (): string => join(stack.folder, "log");
    const logged = async (): Promise<string[]> =>
      existsSync(log()) ? (await readFile(log(), "utf8")).trim().split("\n") : [];

    function program(args: string): Promise<void> {
      return stack.program(`
        const log = ${JSON.stringify(log())};
        const c = new command.local.Command("c", ${args});
        exports.out = c.stdout;`);
    }

    it("replaces when triggers change, running create, then the old delete", async () => {
      const args = (trigger: number): string => `{
        create: "echo create ${trigger} >> " + log,
        update: "echo update >> " + log,
        delete: "echo delete ${trigger} >> " + log,
        triggers: [${trigger}, { nested: ["x"] }],
      }`;
      await program(args(1));
      await succeed(stack.up());
      assert.match(await succeed(stack.up()), /2 unchanged/);
      await program(args(2));
      assert.match(await succeed(stack.up()), /1 replaced/);
      assert.deepEqual(await logged(), ["create 1", "create 2", "delete 1"]);
      await succeed(stack.destroy());
      assert.deepEqual((await logged()).at(-1), "delete 2");
    });

    it("updates when anything else changes, and an update can keep the output", async () => {
      const args = (secret: string): string => `{
        create: "echo first",
        update: 'printf %s "$PULUMI_COMMAND_STDOUT"; echo update >> ' + log,
        environment: { PGPASSWORD: pulumi.secret("${secret}") },
      }`;
      await program(args("password-one"));
      await succeed(stack.up());
      await program(args("password-two"));
      assert.match(await succeed(stack.up()), /1 updated/);
      assert.deepEqual(await logged(), ["update"]);
      assert.equal((await stack.resource(COMMAND))?.outputs?.["stdout"], "first");
    });

    it("runs create again on a change where no update is given", async () => {
      await program(`{ create: "echo $A", environment: { A: "one" } }`);
      await succeed(stack.up());
      await program(`{ create: "echo $A", environment: { A: "two" } }`);
      assert.match(await succeed(stack.up()), /1 updated/);
      assert.equal((await stack.resource(COMMAND))?.outputs?.["stdout"], "two");
    });

    it("keeps a secret environment out of the state, and its output is no secret", async () => {
      await program(`{ create: "echo out", environment: { A: pulumi.secret("very-hidden") } }`);
      await succeed(stack.up());
      assert.doesNotMatch(await stack.stateText(), /very-hidden/);
      assert.equal((await stack.resource(COMMAND))?.outputs?.["stdout"], "out");
      assert.match((await stack.cli("stack", "output")).output, /out +out/);
    });

    it("leaves no state when create fails, and says what failed", async () => {
      await program(`{ create: "echo broken; exit 3", delete: "echo delete >> " + log, logging: "none" }`);
      const output = await fail(stack.up());
      assert.match(output, /exit status 3: running "echo broken; exit 3":\s+broken/);
      assert.doesNotMatch(output, /\n\s+at /);
      assert.equal(await stack.resource(COMMAND), undefined);
      await succeed(stack.destroy());
      assert.deepEqual(await logged(), []);
    });

    it("keeps the old state when update fails, and tries again", async () => {
      await program(`{ create: "echo one", update: "exit 4", environment: { A: "1" } }`);
      await succeed(stack.up());
      await program(`{ create: "echo one", update: "exit 4", environment: { A: "2" } }`);
      assert.match(await fail(stack.up()), /exit status 4/);
      const kept = await stack.resource(COMMAND);
      assert.deepEqual([kept?.inputs?.["environment"], kept?.outputs?.["stdout"]], [{ A: "1" }, "one"]);
      assert.match(await fail(stack.up()), /exit status 4/);
    });

    it("runs nothing in a preview", async () => {
      await program(`{ create: "echo create >> " + log }`);
      assert.match(await succeed(stack.cli("preview")), /2 to create/);
      assert.deepEqual(await logged(), []);
    });

    it("shows each line as it comes, unless logging is none", async () => {
      await program(`{ create: "echo from stdout; echo from stderr >&2" }`);
      const output = await succeed(stack.up());
      assert.match(output, /creating.* from stdout/);
      assert.match(output, /creating.* from stderr/);
      await program(`{ create: "echo quiet", logging: "none" }`);
      assert.doesNotMatch(await succeed(stack.up()), /updat.* quiet/);
    });

    it("kills the shell when the run is interrupted", async () => {
      const pidFile = join(stack.folder, "pid");
      await stack.program(
        `new command.local.Command("c", { create: "echo $$ > ${pidFile}; exec sleep 300" });`,
      );
      const run = stack.start("up", "--yes", "--skip-preview");
      while (!existsSync(pidFile) || (await readFile(pidFile, "utf8")) === "") await sleep(50);
      const pid = (await readFile(pidFile, "utf8")).trim();
      run.kill("SIGINT");
      const ended = await Promise.race([run, sleep(30_000)]);
      if (ended === undefined) {
        process.kill(Number(pid));
        await run;
      }
      assert.ok(ended?.failed, "the run went on");
      assert.match(ended.all, /signal: killed/);
      assert.equal(existsSync(`/proc/${pid}`), false);
    });

    it("refuses what it does not cover", async () => {
      await program(`{ create: "true", assetPaths: ["*"] }`);
      assert.match(await fail(stack.up()), /does not cover Command\.assetPaths/);
      await stack.program(`new command.remote.Command("r", { connection: { host: "h" }, create: "true" });`);
      assert.match(await fail(stack.up()), /offline command provider does not cover command:remote:Command/);
      await stack.program(`exports.x = command.local.runOutput({ command: "true" }).stdout;`);
      assert.match(await fail(stack.up()), /does not cover the function command:local:run/);
    });
  });

  describe("docker", () => {
    let name: string;

    beforeEach(() => {
      name = `offline-test-${randomUUID().slice(0, 8)}`;
    });

    afterEach(async () => {
      await exists("rm", "--force", "--volumes", name);
    });

    /** A container that sleeps, with a volume; `more` are further arguments. */
    function program(more = ""): Promise<void> {
      return stack.program(`
        const volume = new docker.Volume("data", { labels: [{ label: "b", value: "1" }, { label: "a", value: "2" }] });
        const container = new docker.Container("c", {
          name: ${JSON.stringify(name)},
          image: ${JSON.stringify(IMAGE)},
          entrypoints: ["sleep"],
          command: ["300"],
          mounts: [{ type: "volume", source: volume.name, target: "/data" }],
          ${more}
        });
        exports.volume = volume.name;
        exports.id = container.id;`);
    }

    const output = async (key: string): Promise<string> =>
      (await stack.cli("stack", "output", key)).output.trim();
    const inspect = (format: string): Promise<string> => docker("inspect", "--format", format, name);

    it("creates, sees no change, replaces for a changed variable, keeps the volume, destroys", async () => {
      const more = (value: string): string => `
        envs: [pulumi.secret("SECRET=${value}-hidden"), "B=2"],
        ports: [{ internal: 5432 }, { internal: 80, external: 0, ip: "127.0.0.1" }],
        labels: [{ label: "z", value: "1" }, { label: "a", value: "2" }],
        healthcheck: { tests: ["CMD", "true"], interval: "5s", timeout: "1m0s", retries: 3 },
        memory: 64, memorySwap: 128, shmSize: 32, restart: "unless-stopped", init: true,
        securityOpts: ["no-new-privileges"], tmpfs: { "/scratch": "size=1m" }, cpus: "0.5",
        logDriver: "json-file", logOpts: { "max-size": "1m" }, stopSignal: "SIGKILL",`;
      await program(more("one"));
      await succeed(stack.up());
      const volume = await output("volume");
      const first = await output("id");
      assert.match(volume, /^data-[0-9a-f]{7}$/);
      assert.equal(await inspect("{{.Id}}"), first);
      assert.match(await docker("exec", name, "env"), /SECRET=one-hidden\nB=2/);
      await docker("exec", "--user", "root", name, "touch", "/data/kept");

      assert.match(await succeed(stack.up()), /3 unchanged/);
      assert.match(await succeed(stack.refresh()), /3 unchanged/);
      assert.match(await succeed(stack.up()), /3 unchanged/);
      assert.doesNotMatch(await stack.stateText(), /one-hidden/);

      await program(more("two"));
      const replaced = await succeed(stack.up());
      assert.match(replaced, /1 replaced/);
      assert.ok(replaced.indexOf("deleted original") < replaced.indexOf("created replacement"), replaced);
      assert.notEqual(await output("id"), first);
      await docker("exec", name, "test", "-e", "/data/kept");

      await succeed(stack.destroy());
      assert.equal(await exists("inspect", name), false);
      assert.equal(await exists("volume", "inspect", volume), false);
    });

    it("changes limits in place and writes the rest down", async () => {
      await program(`memory: 64, memorySwap: 64,`);
      await succeed(stack.up());
      const id = await output("id");
      await program(`memory: 128, memorySwap: 256, restart: "always", destroyGraceSeconds: 5,`);
      assert.match(await succeed(stack.up()), /1 updated/);
      assert.equal(await output("id"), id);
      const format = "{{.HostConfig.Memory}} {{.HostConfig.MemorySwap}} {{.HostConfig.RestartPolicy.Name}}";
      assert.equal(await inspect(format), "134217728 268435456 always");
      assert.match(await succeed(stack.up()), /3 unchanged/);
    });

    it("uploads files before the start", async () => {
      await program(`uploads: [
        { file: "/opt/new/text", content: "hello", permissions: "0600" },
        { file: "/opt/binary", contentBase64: "AP8=", executable: true },
      ],`);
      await succeed(stack.up());
      assert.equal(await docker("exec", "--user", "root", name, "cat", "/opt/new/text"), "hello");
      const modes = await docker("exec", name, "stat", "--format=%a %s", "/opt/new/text", "/opt/binary");
      assert.equal(modes, "600 5\n744 2");
    });

    it("notices a container that is gone", async () => {
      await program();
      await succeed(stack.up());
      await docker("rm", "--force", "--volumes", name);
      await succeed(stack.refresh());
      assert.equal(await stack.resource(CONTAINER), undefined);
      assert.match(await succeed(stack.up()), /1 created/);
      await docker("rm", "--force", "--volumes", name);
      await succeed(stack.destroy());
    });

    it("starts a container that has stopped", async () => {
      await program();
      await succeed(stack.up());
      const id = await output("id");
      await docker("kill", name);
      await succeed(stack.refresh());
      assert.equal((await stack.resource(CONTAINER))?.outputs?.["mustRun"], false);
      assert.match(await succeed(stack.up()), /1 updated/);
      assert.equal(await inspect("{{.Id}} {{.State.Running}}"), `${id} true`);
      assert.match(await succeed(stack.up()), /3 unchanged/);
    });

    it("keeps a container that could not be started in the state, so that it does not leak", async () => {
      await program(`entrypoints: ["/no/such/program"],`);
      assert.match(
        await fail(stack.up()),
        /Unable to start container: Error response from daemon: .*no such file/,
      );
      const kept = await stack.resource(CONTAINER);
      assert.equal(kept?.id, await inspect("{{.Id}}"));
      await succeed(stack.destroy());
      assert.equal(await exists("inspect", name), false);
    });

    it("waits until a container is healthy, and fails when it is not in time", async () => {
      const health = (seconds: number): string => `
        wait: true, waitTimeout: ${seconds},
        healthcheck: { tests: ["CMD", "test", "-e", "/tmp/healthy"], interval: "1s" },`;
      await program(health(2));
      assert.match(await fail(stack.up()), /container failed to be in healthy state/);
      await succeed(stack.destroy());
      await program(
        `${health(30)} entrypoints: ["sh", "-c"], command: ["sleep 1; touch /tmp/healthy; sleep 300"],`,
      );
      await succeed(stack.up());
      assert.equal(await inspect("{{.State.Health.Status}}"), "healthy");
    });

    it("stops with the signal and the grace that it was given", async () => {
      await program(`
        entrypoints: ["sh", "-c"], destroyGraceSeconds: 20, stopSignal: "SIGUSR1",
        command: ["trap 'echo stopped > /data/log; exit 0' USR1; touch /data/ready; while :; do sleep 0.1; done"],
        user: "root",`);
      await succeed(stack.up());
      const volume = await output("volume");
      while (!(await exists("exec", name, "test", "-e", "/data/ready"))) await sleep(100);
      await succeed(
        stack.cli("destroy", "--yes", "--skip-preview", "--target", `**docker:index/container**`),
      );
      const read = ["run", "--rm", "--name", name, "--volume", `${volume}:/data`, "--entrypoint", "cat"];
      assert.equal(await docker(...read, IMAGE, "/data/log"), "stopped");
    });

    it("reports the daemon's own error for a name that is taken, and an image that cannot be had", async () => {
      await docker("create", "--name", name, IMAGE);
      await program();
      assert.match(
        await fail(stack.up()),
        /Unable to create container: Error response from daemon: Conflict/,
      );
      assert.equal(await stack.resource(CONTAINER), undefined);
      await stack.program(`new docker.Container("c", { name: "${name}", image: "localhost:1/none:1" });`);
      assert.match(
        await fail(stack.up()),
        /Unable to create container with image localhost:1\/none:1: unable to pull image localhost:1\/none:1/,
      );
    });

    it("adopts a volume of the given name, and replaces it for a changed label", async () => {
      await docker("volume", "create", name);
      const volume = (value: string) => `new docker.Volume("v", {
        name: "${name}", labels: [{ label: "a", value: "${value}" }] });`;
      await stack.program(`new docker.Volume("v", { name: "${name}" });`);
      await succeed(stack.up());
      await stack.program(volume("1"));
      assert.match(await succeed(stack.up()), /1 replaced/);
      assert.deepEqual((await stack.resource(VOLUME))?.outputs?.["labels"], [{ label: "a", value: "1" }]);
      assert.match(await succeed(stack.up()), /2 unchanged/);
      await succeed(stack.destroy());
      assert.equal(await exists("volume", "inspect", name), false);
    });

    it("joins networks under aliases", async () => {
      await stack.program(`
        const network = new docker.Network("n", { name: "${name}", internal: true });
        new docker.Container("c", {
          name: "${name}", image: "${IMAGE}", entrypoints: ["sleep"], command: ["300"],
          networksAdvanced: [{ name: network.name, aliases: ["db"] }],
        });`);
      await succeed(stack.up());
      assert.match(await docker("exec", name, "getent", "hosts", "db"), /\sdb$/);
      assert.match(await succeed(stack.up()), /3 unchanged/);
      await succeed(stack.destroy());
      assert.equal(await exists("network", "inspect", name), false);
    });

    it("talks to the daemon that host names", async () => {
      await stack.program(`
        const provider = new docker.Provider("p", { host: "unix:///no/such.sock" });
        new docker.Volume("v", { name: "${name}" }, { provider });`);
      assert.match(await fail(stack.up()), /\/no\/such\.sock/);
    });

    it("refuses what it does not cover", async () => {
      await program(`gpus: "all",`);
      assert.match(await fail(stack.up()), /offline docker provider does not cover Container\.gpus/);
      await stack.program(`new docker.RemoteImage("i", { name: "x" });`);
      assert.match(await fail(stack.up()), /does not cover docker:index\/remoteImage:RemoteImage/);
      await stack.program(`docker.Container.get("c", "some-id");`);
      assert.match(await fail(stack.up()), /does not cover the import or lookup of a resource/);
    });
  });
});
