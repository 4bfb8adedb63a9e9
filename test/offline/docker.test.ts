import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";
import { imageTag } from "../../offline/image/versions";
import { fail, stackForEachTest, succeed } from "./plugin-stack";

const IMAGE = imageTag("17-3.5");
const CONTAINER = "docker:index/container:Container";
const VOLUME = "docker:index/volume:Volume";

async function docker(...args: string[]): Promise<string> {
  return (await execa("docker", args)).stdout;
}

async function exists(...args: string[]): Promise<boolean> {
  return !(await execa("docker", args, { reject: false })).failed;
}

describe("the offline docker provider", function () {
  this.timeout(120_000);
  const stack = stackForEachTest();

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
    await succeed(stack.cli("destroy", "--yes", "--skip-preview", "--target", `**docker:index/container**`));
    const read = ["run", "--rm", "--name", name, "--volume", `${volume}:/data`, "--entrypoint", "cat"];
    assert.equal(await docker(...read, IMAGE, "/data/log"), "stopped");
  });

  it("reports the daemon's own error for a name that is taken, and an image that cannot be had", async () => {
    await docker("create", "--name", name, IMAGE);
    await program();
    assert.match(await fail(stack.up()), /Unable to create container: Error response from daemon: Conflict/);
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
