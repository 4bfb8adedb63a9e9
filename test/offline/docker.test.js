"use strict";
var __importDefault = (this && this.__importDefault) || function (mod) {
    return (mod && mod.__esModule) ? mod : { "default": mod };
};
Object.defineProperty(exports, "__esModule", { value: true });
const strict_1 = __importDefault(require("node:assert/strict"));
const node_crypto_1 = require("node:crypto");
const promises_1 = require("node:timers/promises");
const execa_1 = require("execa");
const versions_1 = require("../../offline/image/versions");
const plugin_stack_1 = require("./plugin-stack");
const IMAGE = (0, versions_1.imageTag)("17-3.5");
const CONTAINER = "docker:index/container:Container";
const VOLUME = "docker:index/volume:Volume";
async function docker(...args) {
    return (await (0, execa_1.execa)("docker", args)).stdout;
}
async function exists(...args) {
    return !(await (0, execa_1.execa)("docker", args, { reject: false })).failed;
}
describe("the offline docker provider", function () {
    this.timeout(120_000);
    const stack = (0, plugin_stack_1.stackForEachTest)();
    let name;
    beforeEach(() => {
        name = `offline-test-${(0, node_crypto_1.randomUUID)().slice(0, 8)}`;
    });
    afterEach(async () => {
        await exists("rm", "--force", "--volumes", name);
    });
    /** A container that sleeps, with a volume; `more` are further arguments. */
    function program(more = "") {
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
    const output = async (key) => (await stack.cli("stack", "output", key)).output.trim();
    const inspect = (format) => docker("inspect", "--format", format, name);
    it("creates, sees no change, replaces for a changed variable, keeps the volume, destroys", async () => {
        const more = (value) => `
      envs: [pulumi.secret("SECRET=${value}-hidden"), "B=2"],
      ports: [{ internal: 5432 }, { internal: 80, external: 0, ip: "127.0.0.1" }],
      labels: [{ label: "z", value: "1" }, { label: "a", value: "2" }],
      healthcheck: { tests: ["CMD", "true"], interval: "5s", timeout: "1m0s", retries: 3 },
      memory: 64, memorySwap: 128, shmSize: 32, restart: "unless-stopped", init: true,
      securityOpts: ["no-new-privileges"], tmpfs: { "/scratch": "size=1m" }, cpus: "0.5",
      logDriver: "json-file", logOpts: { "max-size": "1m" }, stopSignal: "SIGKILL",`;
        await program(more("one"));
        await (0, plugin_stack_1.succeed)(stack.up());
        const volume = await output("volume");
        const first = await output("id");
        strict_1.default.match(volume, /^data-[0-9a-f]{7}$/);
        strict_1.default.equal(await inspect("{{.Id}}"), first);
        strict_1.default.match(await docker("exec", name, "env"), /SECRET=one-hidden\nB=2/);
        await docker("exec", "--user", "root", name, "touch", "/data/kept");
        strict_1.default.match(await (0, plugin_stack_1.succeed)(stack.up()), /3 unchanged/);
        strict_1.default.match(await (0, plugin_stack_1.succeed)(stack.refresh()), /3 unchanged/);
        strict_1.default.match(await (0, plugin_stack_1.succeed)(stack.up()), /3 unchanged/);
        strict_1.default.doesNotMatch(await stack.stateText(), /one-hidden/);
        await program(more("two"));
        const replaced = await (0, plugin_stack_1.succeed)(stack.up());
        strict_1.default.match(replaced, /1 replaced/);
        strict_1.default.ok(replaced.indexOf("deleted original") < replaced.indexOf("created replacement"), replaced);
        strict_1.default.notEqual(await output("id"), first);
        await docker("exec", name, "test", "-e", "/data/kept");
        await (0, plugin_stack_1.succeed)(stack.destroy());
        strict_1.default.equal(await exists("inspect", name), false);
        strict_1.default.equal(await exists("volume", "inspect", volume), false);
    });
    it("changes limits in place and writes the rest down", async () => {
        await program(`memory: 64, memorySwap: 64,`);
        await (0, plugin_stack_1.succeed)(stack.up());
        const id = await output("id");
        await program(`memory: 128, memorySwap: 256, restart: "always", destroyGraceSeconds: 5,`);
        strict_1.default.match(await (0, plugin_stack_1.succeed)(stack.up()), /1 updated/);
        strict_1.default.equal(await output("id"), id);
        const format = "{{.HostConfig.Memory}} {{.HostConfig.MemorySwap}} {{.HostConfig.RestartPolicy.Name}}";
        strict_1.default.equal(await inspect(format), "134217728 268435456 always");
        strict_1.default.match(await (0, plugin_stack_1.succeed)(stack.up()), /3 unchanged/);
    });
    it("uploads files before the start", async () => {
        await program(`uploads: [
      { file: "/opt/new/text", content: "hello", permissions: "0600" },
      { file: "/opt/binary", contentBase64: "AP8=", executable: true },
    ],`);
        await (0, plugin_stack_1.succeed)(stack.up());
        strict_1.default.equal(await docker("exec", "--user", "root", name, "cat", "/opt/new/text"), "hello");
        const modes = await docker("exec", name, "stat", "--format=%a %s", "/opt/new/text", "/opt/binary");
        strict_1.default.equal(modes, "600 5\n744 2");
    });
    it("notices a container that is gone", async () => {
        await program();
        await (0, plugin_stack_1.succeed)(stack.up());
        await docker("rm", "--force", "--volumes", name);
        await (0, plugin_stack_1.succeed)(stack.refresh());
        strict_1.default.equal(await stack.resource(CONTAINER), undefined);
        strict_1.default.match(await (0, plugin_stack_1.succeed)(stack.up()), /1 created/);
        await docker("rm", "--force", "--volumes", name);
        await (0, plugin_stack_1.succeed)(stack.destroy());
    });
    it("starts a container that has stopped", async () => {
        await program();
        await (0, plugin_stack_1.succeed)(stack.up());
        const id = await output("id");
        await docker("kill", name);
        await (0, plugin_stack_1.succeed)(stack.refresh());
        strict_1.default.equal((await stack.resource(CONTAINER))?.outputs?.["mustRun"], false);
        strict_1.default.match(await (0, plugin_stack_1.succeed)(stack.up()), /1 updated/);
        strict_1.default.equal(await inspect("{{.Id}} {{.State.Running}}"), `${id} true`);
        strict_1.default.match(await (0, plugin_stack_1.succeed)(stack.up()), /3 unchanged/);
    });
    it("keeps a container that could not be started in the state, so that it does not leak", async () => {
        await program(`entrypoints: ["/no/such/program"],`);
        strict_1.default.match(await (0, plugin_stack_1.fail)(stack.up()), /Unable to start container: Error response from daemon: .*no such file/);
        const kept = await stack.resource(CONTAINER);
        strict_1.default.equal(kept?.id, await inspect("{{.Id}}"));
        await (0, plugin_stack_1.succeed)(stack.destroy());
        strict_1.default.equal(await exists("inspect", name), false);
    });
    it("waits until a container is healthy, and fails when it is not in time", async () => {
        const health = (seconds) => `
      wait: true, waitTimeout: ${seconds},
      healthcheck: { tests: ["CMD", "test", "-e", "/tmp/healthy"], interval: "1s" },`;
        await program(health(2));
        strict_1.default.match(await (0, plugin_stack_1.fail)(stack.up()), /container failed to be in healthy state/);
        await (0, plugin_stack_1.succeed)(stack.destroy());
        await program(`${health(30)} entrypoints: ["sh", "-c"], command: ["sleep 1; touch /tmp/healthy; sleep 300"],`);
        await (0, plugin_stack_1.succeed)(stack.up());
        strict_1.default.equal(await inspect("{{.State.Health.Status}}"), "healthy");
    });
    it("stops with the signal and the grace that it was given", async () => {
        await program(`
      entrypoints: ["sh", "-c"], destroyGraceSeconds: 20, stopSignal: "SIGUSR1",
      command: ["trap 'echo stopped > /data/log; exit 0' USR1; touch /data/ready; while :; do sleep 0.1; done"],
      user: "root",`);
        await (0, plugin_stack_1.succeed)(stack.up());
        const volume = await output("volume");
        while (!(await exists("exec", name, "test", "-e", "/data/ready")))
            await (0, promises_1.setTimeout)(100);
        await (0, plugin_stack_1.succeed)(stack.cli("destroy", "--yes", "--skip-preview", "--target", `**docker:index/container**`));
        const read = ["run", "--rm", "--name", name, "--volume", `${volume}:/data`, "--entrypoint", "cat"];
        strict_1.default.equal(await docker(...read, IMAGE, "/data/log"), "stopped");
    });
    it("reports the daemon's own error for a name that is taken, and an image that cannot be had", async () => {
        await docker("create", "--name", name, IMAGE);
        await program();
        strict_1.default.match(await (0, plugin_stack_1.fail)(stack.up()), /Unable to create container: Error response from daemon: Conflict/);
        strict_1.default.equal(await stack.resource(CONTAINER), undefined);
        await stack.program(`new docker.Container("c", { name: "${name}", image: "localhost:1/none:1" });`);
        strict_1.default.match(await (0, plugin_stack_1.fail)(stack.up()), /Unable to create container with image localhost:1\/none:1: unable to pull image localhost:1\/none:1/);
    });
    it("adopts a volume of the given name, and replaces it for a changed label", async () => {
        await docker("volume", "create", name);
        const volume = (value) => `new docker.Volume("v", {
      name: "${name}", labels: [{ label: "a", value: "${value}" }] });`;
        await stack.program(`new docker.Volume("v", { name: "${name}" });`);
        await (0, plugin_stack_1.succeed)(stack.up());
        await stack.program(volume("1"));
        strict_1.default.match(await (0, plugin_stack_1.succeed)(stack.up()), /1 replaced/);
        strict_1.default.deepEqual((await stack.resource(VOLUME))?.outputs?.["labels"], [{ label: "a", value: "1" }]);
        strict_1.default.match(await (0, plugin_stack_1.succeed)(stack.up()), /2 unchanged/);
        await (0, plugin_stack_1.succeed)(stack.destroy());
        strict_1.default.equal(await exists("volume", "inspect", name), false);
    });
    it("joins networks under aliases", async () => {
        await stack.program(`
      const network = new docker.Network("n", { name: "${name}", internal: true });
      new docker.Container("c", {
        name: "${name}", image: "${IMAGE}", entrypoints: ["sleep"], command: ["300"],
        networksAdvanced: [{ name: network.name, aliases: ["db"] }],
      });`);
        await (0, plugin_stack_1.succeed)(stack.up());
        strict_1.default.match(await docker("exec", name, "getent", "hosts", "db"), /\sdb$/);
        strict_1.default.match(await (0, plugin_stack_1.succeed)(stack.up()), /3 unchanged/);
        await (0, plugin_stack_1.succeed)(stack.destroy());
        strict_1.default.equal(await exists("network", "inspect", name), false);
    });
    it("talks to the daemon that host names", async () => {
        await stack.program(`
      const provider = new docker.Provider("p", { host: "unix:///no/such.sock" });
      new docker.Volume("v", { name: "${name}" }, { provider });`);
        strict_1.default.match(await (0, plugin_stack_1.fail)(stack.up()), /\/no\/such\.sock/);
    });
    it("refuses what it does not cover", async () => {
        await program(`gpus: "all",`);
        strict_1.default.match(await (0, plugin_stack_1.fail)(stack.up()), /offline docker provider does not cover Container\.gpus/);
        await stack.program(`new docker.RemoteImage("i", { name: "x" });`);
        strict_1.default.match(await (0, plugin_stack_1.fail)(stack.up()), /does not cover docker:index\/remoteImage:RemoteImage/);
        await stack.program(`docker.Container.get("c", "some-id");`);
        strict_1.default.match(await (0, plugin_stack_1.fail)(stack.up()), /does not cover the import or lookup of a resource/);
    });
});
