import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import net from "node:net";
import path from "node:path";
import { execa } from "execa";
import { Client } from "pg";
import { postgisContainer as table, type Fixture } from "../../schema/argument-effects";
import { allOf, changesOf, expectShown, refusedValues, wrongRuns } from "../support/argument-table";
import { type Applied, ComponentStack } from "../support/component-stack";
import { docker } from "../support/container";
import { environment } from "../support/environment";
import {
  freePort,
  ownLabel,
  removeContainer,
  removeNetwork,
  removeVolume,
  sql,
  testLabel,
  uniqueName,
} from "../support/resources";
import { runRunner } from "../support/runner";

/** An image like another one, but for its program `postgres`. */
async function imageWith(from: string, tag: string, version?: string): Promise<void> {
  const imitation = `RUN printf '#!/bin/sh\\necho "postgres (PostgreSQL) ${version ?? ""}"' >/usr/local/sbin/postgres && chmod 755 /usr/local/sbin/postgres`;
  const path_ = "ENV PATH=/usr/local/sbin:$PATH";
  await execa("docker", ["build", "--quiet", "--tag", tag, "-"], {
    input: [`FROM ${from}`, `LABEL ${testLabel}=${process.pid}`, ...(version ? [imitation, path_] : [])].join(
      "\n",
    ),
  });
}

describe("every argument of a PostgisContainer", function () {
  this.timeout(600_000);
  let stack: ComponentStack;
  let fixture: Fixture;
  /** What the stack has; each change is tried on top of it. */
  let base: Record<string, unknown>;
  let busy: net.Server;

  before(async () => {
    const { image, env } = await environment;
    stack = await ComponentStack.create("PostgisContainer");
    const { container, folder, port } = stack.project;
    const name = uniqueName();
    fixture = {
      image,
      otherImage: `${name}:17`,
      otherMajor: `${name}:15`,
      container,
      folder,
      network: name,
      freePort: await freePort(),
      busyPort: await freePort(),
      dockerHost: env["DOCKER_HOST"] ?? "unix:///var/run/docker.sock",
      location: `${folder}/earlier/cbm/latest`,
      bucket: "",
      endpoint: "",
    };
    busy = net.createServer().listen(fixture.busyPort, "127.0.0.1");
    await imageWith(image, fixture.otherImage);
    await imageWith(image, fixture.otherMajor, "15.9");
    await execa("docker", ["network", "create", ...ownLabel, name]);
    await Promise.all([
      writeFile(path.join(folder, "init.sql"), "SELECT 1"),
      writeFile(path.join(folder, "file"), ""),
      mkdir(path.join(folder, "backups")),
    ]);
    base = {
      image,
      containerName: container,
      port,
      password: "first",
      settings: { shared_buffers: "32MB" },
      labels: { [testLabel]: String(process.pid) },
    };
    await succeed(base);
    await sql(
      container,
      "CREATE TABLE marker AS SELECT 42 AS answer; CREATE ROLE second SUPERUSER LOGIN; CREATE DATABASE second",
    );
    const place = ["--repository", path.join(folder, "earlier"), "--name", "cbm", "--format", "custom"];
    const taken = await runRunner(["backup", "--container", container, "--table", "marker", ...place]);
    assert.equal(taken.exitCode, 0, taken.stderr);
  });
  after(async () => {
    busy.close();
    await stack.remove();
    await removeContainer(fixture.container);
    await removeContainer(table.containerName.change(fixture));
    await removeVolume(`${fixture.container}-data`);
    await removeNetwork(fixture.network);
    await docker("image", "rm", "--force", fixture.otherImage, fixture.otherMajor);
  });

  async function succeed(args: object): Promise<Applied> {
    const applied = await stack.up(args);
    assert.ok(!applied.failed, applied.log);
    return applied;
  }
  const containerId = async () => (await docker("inspect", "--format={{.Id}}", fixture.container)).output;
  const marker = () => sql(fixture.container, "SELECT answer FROM marker");
  const inspected = async (format: string) =>
    (await docker("inspect", `--format=${format}`, fixture.container)).output;

  /** The server is the same one as before, answers, and has its data. */
  async function unharmed(id: string): Promise<void> {
    assert.equal(await containerId(), id);
    assert.equal(await marker(), "42");
  }

  it("has an effect that is tried here", () => {
    const tried = new Set([
      ...["container", "login", "limit", "server", "nothing", "newVolume", "adoption", "protection"],
      ...["otherVolume", "otherName"],
    ]);
    assert.deepEqual(
      Object.entries(table).filter(([, { effect }]) => !tried.has(effect)),
      [],
    );
  });

  it("changes nothing in an up without a change", async () => {
    const id = await containerId();
    const { steps } = await succeed(base);
    assert.ok(Object.values(steps).every((step) => step?.op === "same"));
    await unharmed(id);
  });

  it("is refused where its value is wrong, and no other change is made", async () => {
    const id = await containerId();
    const [last] = refusedValues({ startTimeout: table.startTimeout }, fixture);
    const changes = { ...changesOf(table, ["container"], fixture), ...last?.change };
    const { failed, log } = await stack.up({ ...base, ...changes });
    assert.ok(failed);
    assert.match(log, /startTimeout: /);
    await unharmed(id);
  });

  it("is refused where it would take another volume while the data are kept", async () => {
    const id = await containerId();
    for (const [name, change] of Object.entries(changesOf(table, ["otherVolume", "otherName"], fixture))) {
      const { failed, log } = await stack.up({ ...base, [name]: change });
      assert.ok(failed, name);
      assert.match(log, /error\[volume-not-kept\]: The data is in volume .* would begin without it/, name);
      await unharmed(id);
    }
  });

  it("is refused by the preflight where its value is wrong, with all others, while the old server runs on", async () => {
    const id = await containerId();
    for (const values of wrongRuns(table, fixture)) {
      const change = allOf(values);
      const { failed, log } = await stack.up({ ...base, ...change });
      assert.ok(failed, JSON.stringify(change));
      for (const { name, says } of values) assert.match(log, says, name);
      await unharmed(id);
    }
  });

  it("makes no new container where it is applied to the running one, or means nothing to it, also after mistakes", async () => {
    const id = await containerId();
    const effects = ["limit", "server", "nothing", "newVolume", "adoption", "protection"] as const;
    const changes = changesOf(table, effects, fixture);
    const applied = await succeed({ ...base, ...changes });
    expectShown(table, Object.keys(changes), applied, false);
    assert.notEqual(applied.steps["volume"]?.op, "replace");
    await unharmed(id);
    assert.equal(await inspected("{{.HostConfig.Memory}}"), String(700 * 2 ** 20));
    const { port } = stack.project;
    const client = new Client({ host: "127.0.0.1", port, user: "postgres", password: "another" });
    await client.connect();
    await client.end();
    base = { ...base, ...changes };
  });

  it("loses a limit of memory in a new container with the same data", async () => {
    const { steps } = await succeed({ ...base, memory: 0 });
    assert.equal(steps["container"]?.op, "replace");
    assert.equal(steps["volume"]?.op, "same");
    assert.equal(await inspected("{{.HostConfig.Memory}}"), "0");
    assert.equal(await marker(), "42");
    base = { ...base, memory: 0 };
  });

  it("makes a standby of another name with the same data, where the volume is named", async () => {
    const name = table.containerName.change(fixture);
    const volumeName = `${fixture.container}-data`;
    const { steps } = await succeed({ ...base, standby: true, containerName: name, volumeName });
    assert.equal(steps["container"]?.op, "replace");
    assert.equal(steps["volume"]?.op, "same");
    const { output } = await docker("inspect", "--format={{json .NetworkSettings.Ports}}", name);
    assert.doesNotMatch(output, /HostPort/);
    assert.equal(await sql(name, "SELECT answer FROM marker"), "42");
  });

  it("makes a new container with the same data, by itself", async () => {
    const changes = changesOf(table, ["container", "login"], fixture);
    delete changes["standby"];
    const applied = await succeed({ ...base, ...changes });
    expectShown(table, Object.keys(changes), applied, true);
    assert.equal(applied.steps["preflight"]?.op, "update");
    assert.equal(applied.steps["volume"]?.op, "same");
    assert.equal(applied.steps["container"]?.op, "replace");
    assert.equal(await marker(), "42");
    assert.equal(await sql(fixture.container, "SHOW work_mem"), "8MB");
    assert.equal(
      await inspected("{{.Config.Image}} {{.HostConfig.ShmSize}} {{json .HostConfig.PortBindings}}"),
      `${fixture.otherImage} ${96 * 2 ** 20} {"5432/tcp":[{"HostIp":"127.0.0.2","HostPort":"${fixture.freePort}"}]}`,
    );
    assert.equal(
      await inspected("{{range $name, $_ := .NetworkSettings.Networks}}{{$name}}{{end}}"),
      fixture.network,
    );
  });
});
