import assert from "node:assert/strict";
import { imageTag } from "../../offline/image/versions";
import { docker, TestSwarm } from "../support/swarm";
import { waitUntil } from "../support/wait";
import { fail, stackForEachTest, succeed } from "./plugin-stack";

const IMAGE = imageTag("13-3.1");
const SERVICE = "docker:index/service:Service";

/** Needs the right to start an engine: one that is in a swarm is no place for the machine's own containers. */
describe("the offline docker provider on a swarm", function () {
  this.timeout(240_000);
  const stack = stackForEachTest();
  let swarm: TestSwarm;

  before(async () => {
    swarm = await TestSwarm.create(1);
    await swarm.load(swarm.nodes, IMAGE);
  });
  after(() => swarm.remove());

  const engine = (...args: string[]) => {
    const [node] = swarm.nodes;
    if (node === undefined) throw new Error("no node");
    return docker(node, ...args);
  };
  const output = async (key: string): Promise<string> =>
    (await stack.cli("stack", "output", key)).output.trim();

  /** A service that sleeps, with a config and a secret; `more` are further arguments of each part. */
  async function program({ text = "one", secret = "hidden", spec = "", task = "", service = "" } = {}) {
    const base64 = (value: string) => JSON.stringify(Buffer.from(value).toString("base64"));
    await stack.program(`
      const provider = new docker.Provider("p", { host: ${JSON.stringify(swarm.nodes[0]?.host)} });
      const config = new docker.ServiceConfig("c", { data: ${base64(text)} }, { provider });
      const secret = new docker.Secret("s", { data: pulumi.secret(${base64(secret)}) }, { provider });
      const service = new docker.Service("v", {
        taskSpec: {
          containerSpec: {
            image: ${JSON.stringify(IMAGE)},
            commands: ["sleep"],
            args: ["1000"],
            configs: [{ configId: config.id, configName: config.name, fileName: "/etc/it/config" }],
            secrets: [{ secretId: secret.id, secretName: secret.name, fileName: "it" }],
            mounts: [{ type: "bind", source: "/tmp", target: "/host" }],
            env: { A: "1", B: "2=3" },
            ${spec}
          },
          ${task}
        },
        ${service}
      }, { provider });
      exports.service = service.name;
      exports.id = service.id;`);
  }

  /** The container of the service's newest task, when that runs. */
  async function running(): Promise<string> {
    const name = await output("service");
    let id = "";
    await waitUntil("a running task", async () => {
      const filter = ["--filter", `label=com.docker.swarm.service.name=${name}`, "--latest", "--quiet"];
      id = await engine("ps", ...filter, "--filter", "status=running", "--no-trunc");
      return id !== "";
    });
    return id;
  }

  it("creates a service with its files, sees no change, and destroys all", async () => {
    await program({
      spec: `init: true, user: "root", stopGracePeriod: "1m", labels: [{ label: "b", value: "1" }, { label: "a", value: "2" }],
        healthcheck: { tests: ["CMD", "true"], interval: "5s", timeout: "1m", retries: 3 },`,
      task: `placement: { constraints: ["node.role == manager", "node.hostname == node1"] },
        restartPolicy: { condition: "on-failure", delay: "3s", maxAttempts: 3, window: "1m" },`,
      service: `mode: { global: true }, labels: [{ label: "team", value: "gis" }],
        updateConfig: { parallelism: 1, order: "stop-first", failureAction: "rollback", monitor: "10s", maxFailureRatio: "0.0" },
        rollbackConfig: { parallelism: 1 },
        endpointSpec: { ports: [{ targetPort: 5432, publishedPort: 15432, publishMode: "host" }] },`,
    });
    await succeed(stack.up());
    const container = await running();
    assert.equal(await engine("exec", container, "cat", "/etc/it/config"), "one");
    assert.equal(await engine("exec", container, "cat", "/run/secrets/it"), "hidden");
    assert.match(await engine("exec", container, "env"), /^A=1\nB=2=3$/m);
    assert.match(
      await engine("service", "inspect", "--pretty", await output("service")),
      /Service Mode:\s+Global/,
    );
    assert.match(await succeed(stack.up()), /5 unchanged/);
    assert.match(await succeed(stack.refresh()), /5 unchanged/);
    assert.match(await succeed(stack.up()), /5 unchanged/);
    assert.doesNotMatch(await stack.stateText(), /aGlkZGVu/);
    await succeed(stack.destroy());
    for (const kind of ["service", "secret", "config"]) assert.equal(await engine(kind, "ls", "--quiet"), "");
  });

  it("makes a config and a secret anew, then updates the service, then removes the old ones", async () => {
    await program({ service: "mode: { replicated: { replicas: 1 } }," });
    await succeed(stack.up());
    const id = await output("id");
    const before = await running();
    await program({ text: "two", secret: "other", service: "mode: { replicated: { replicas: 1 } }," });
    const changed = await succeed(stack.up());
    assert.match(changed, /1 updated[^]*2 replaced/);
    assert.ok(changed.indexOf("created replacement") < changed.indexOf("Service v updating"), changed);
    assert.equal(await output("id"), id);
    await waitUntil("the next task", async () => (await running()) !== before);
    assert.equal(await engine("exec", await running(), "cat", "/etc/it/config"), "two");
    assert.equal(await engine("exec", await running(), "cat", "/run/secrets/it"), "other");
    for (const kind of ["secret", "config"])
      assert.equal((await engine(kind, "ls", "--quiet")).split("\n").length, 1, kind);
    assert.match(await succeed(stack.up()), /5 unchanged/);
  });

  it("replaces a service of another mode", async () => {
    await program();
    await succeed(stack.up());
    const id = await output("id");
    await program({ service: "mode: { global: true }," });
    assert.match(await succeed(stack.up()), /1 replaced/);
    assert.notEqual(await output("id"), id);
  });

  it("shows a duration that is not written as it is read back, as the official provider does", async () => {
    await program({ spec: `stopGracePeriod: "60s",` });
    await succeed(stack.up());
    assert.match(await succeed(stack.up()), /1 updated/);
  });

  it("notices a service that is gone", async () => {
    await program();
    await succeed(stack.up());
    await engine("service", "rm", await output("service"));
    await succeed(stack.refresh());
    assert.equal(await stack.resource(SERVICE), undefined);
    assert.match(await succeed(stack.up()), /1 created/);
  });

  it("refuses what it does not cover", async () => {
    await program({ service: `convergeConfig: { delay: "7s" },` });
    assert.match(await fail(stack.up()), /offline docker provider does not cover Service\.convergeConfig/);
    await program({ task: `logDriver: { name: "json-file" },` });
    assert.match(await fail(stack.up()), /does not cover Service\.taskSpec\.logDriver/);
    await program({ spec: `sysctl: { a: "b" },` });
    assert.match(await fail(stack.up()), /does not cover Service\.taskSpec\.containerSpec\.sysctl/);
    await stack.program(`new docker.ServiceConfig("c", { data: "YQ==", dataRaw: "a" });`);
    assert.match(await fail(stack.up()), /exactly one of data and dataRaw must be given/);
    await stack.program(`new docker.Secret("s", { data: "no base64!" });`);
    assert.match(await fail(stack.up()), /does not match/);
  });
});
