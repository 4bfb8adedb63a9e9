import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import path from "node:path";
import type { PostgisContainerArgs } from "../../components";
import { root } from "../../setup/paths";
import { docker } from "../support/container";
import { freePort, removeVolume, sql, testLabel, uniqueName } from "../support/resources";
import { createProject, type Project, removeProject, takeDown, up } from "../support/stack";

const program = path.join(root, "test", "support", "restored-stack");

/** A table of the user's that was filled from a backup, and written to since: rows that no backup has. */
const marker = "SELECT string_agg(crop, ',' ORDER BY id) FROM restored.parcels";

interface Resource {
  readonly urn: string;
  readonly inputs: CommandState;
  readonly outputs: CommandState;
}

interface CommandState {
  stdin: string;
  readonly triggers: readonly object[];
}

describe("a change of a stack", function () {
  this.timeout(600_000);
  let project: Project;
  let volume: string;
  let first: Record<string, unknown>;

  before(async () => {
    project = await createProject(program, await readdir(program));
    first = (await up(project)).outputs;
    volume = String(first["volume"]);
    await sql(project.container, "INSERT INTO restored.parcels VALUES (3, 'written since')");
  });
  after(async () => {
    await removeProject(project);
    await removeVolume(volume);
  });

  const setServer = (args: Partial<PostgisContainerArgs>) =>
    project.stack.setConfig("server", { value: JSON.stringify(args) });
  const containerId = async (name = project.container) =>
    (await docker("inspect", "--format={{.Id}}", name)).output;
  const written = async () => (await docker("volume", "inspect", "--format={{json .Labels}}", volume)).output;

  for (const [change, args] of [
    ["another size of /dev/shm", () => ({ shmSize: 128 })],
    [
      "another port, other settings, a variable, a folder, and no init scripts",
      async () => ({
        port: await freePort(),
        settings: { shared_buffers: "32MB" },
        environment: { TZ: "UTC" },
        backupDirectory: "./backups",
        initScripts: [],
      }),
    ],
    ["another label", () => ({ labels: { [testLabel]: String(process.pid), team: "gis" } })],
    [
      "another label without keepData",
      () => ({ keepData: false, labels: { [testLabel]: String(process.pid), team: "osm" } }),
    ],
  ] satisfies [string, () => Partial<PostgisContainerArgs> | Promise<Partial<PostgisContainerArgs>>][]) {
    it(`replaces the container for ${change}, and neither restores nor backs up again`, async () => {
      const before = { container: await containerId(), volume: await written() };
      await setServer(await args());
      const preview = await project.stack.preview({ diff: true });
      assert.doesNotMatch(preview.stdout, /(restored-restore|taken-backup|server-volume).*replace/);
      const { changes, outputs } = await up(project);
      assert.equal(await sql(project.container, marker), "maize,rye,written since");
      assert.notEqual(await containerId(), before.container);
      assert.equal(await written(), before.volume, "the volume is the same one");
      assert.equal(outputs["backup"], first["backup"]);
      assert.ok((changes["replace"] ?? 0) <= 3, JSON.stringify(changes));
      assert.deepEqual(Object.keys((await up(project)).changes), ["same"]);
    });
  }

  it("keeps all as it is when the stack is renamed", async () => {
    const before = { container: await containerId(), volume: await written() };
    await project.stack.rename({ stackName: "renamed" });
    const { outputs } = await up(project);
    assert.equal(await sql(project.container, marker), "maize,rye,written since");
    assert.deepEqual({ container: await containerId(), volume: await written() }, before);
    assert.equal(outputs["backup"], first["backup"]);
  });

  it("keeps the data when the container gets another name, and the volume's name is given", async () => {
    const container = uniqueName();
    await setServer({ containerName: container, volumeName: volume });
    const { outputs } = await up(project);
    assert.equal(await sql(container, marker), "maize,rye,written since");
    assert.equal(outputs["backup"], first["backup"]);
    await knowByContainer(container);
    await up(project);
    assert.equal(await sql(container, marker), "maize,rye,written since", "of an upgrade");
    await setServer({});
    await up(project);
    assert.equal(await sql(project.container, marker), "maize,rye,written since");
  });

  /** As earlier versions left it in the state: the restored database is that of a container. */
  async function knowByContainer(container: string): Promise<void> {
    const exported = await project.stack.exportStack();
    const { resources } = exported.deployment as { resources: Resource[] };
    const command = resources.find(({ urn }) => urn.endsWith("::restored-restore"));
    for (const known of [command?.inputs, command?.outputs]) {
      assert.ok(known);
      Object.assign(known.triggers[0] ?? {}, { container });
      known.stdin = JSON.stringify({ ...(JSON.parse(known.stdin) as object), volume: undefined });
    }
    await project.stack.importStack(exported);
  }

  it("restores again when a trigger of its own changes", async () => {
    await project.stack.setConfig("triggers[0]", { value: "again" }, true);
    await up(project);
    assert.equal(await sql(project.container, marker), "maize,rye");
  });

  it("restores nothing over the data of a stack that is destroyed and set up again", async () => {
    await sql(project.container, "INSERT INTO restored.parcels VALUES (4, 'written after')");
    await takeDown(project);
    await up(project);
    assert.equal(await sql(project.container, marker), "maize,rye,written after");
  });
});
