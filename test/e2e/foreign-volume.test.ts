import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import path from "node:path";
import { root } from "../../setup/paths";
import { docker } from "../support/container";
import { removeVolume, sql } from "../support/resources";
import { createProject, type Project, removeProject, takeDown, up } from "../support/stack";

const program = path.join(root, "test", "support", "restored-stack");

/** Two checkouts of one program on one machine: the same project, stack, component and volume, and two states. */
describe("a volume of another stack", function () {
  this.timeout(600_000);
  let first: Project;
  let second: Project;
  let volume: string;

  before(async () => {
    [first, second] = [
      await createProject(program, await readdir(program)),
      await createProject(program, await readdir(program)),
    ];
    for (const { stack } of [first, second]) await stack.setConfig("restore", { value: "false" });
    volume = String((await up(first)).outputs["volume"]);
    await sql(first.container, "INSERT INTO parcels VALUES (7, 'not in a backup')");
  });
  after(async () => {
    await removeProject(second);
    await removeProject(first);
    await removeVolume(volume);
  });

  const owner = async () =>
    (await docker("volume", "inspect", '--format={{index .Labels "postgis-backup.owner"}}', volume)).output;
  const crop = (project: Project) => sql(project.container, "SELECT crop FROM parcels WHERE id = 7");

  it("is refused, whatever keepData says, and does not get into the state", async () => {
    for (const keepData of [true, false]) {
      const server = JSON.stringify({ volumeName: volume, keepData });
      await second.stack.setConfig("server", { value: server });
      await assert.rejects(up(second), new RegExp(`volume-not-owned[^]*set adopt to "${await owner()}"`));
    }
    const state = JSON.stringify(await second.stack.exportStack());
    assert.ok(!state.includes("docker:index/volume"));
    await second.stack.destroy();
    assert.equal(await crop(first), "not in a backup");
  });

  it("is not taken over while its server runs, and is when that is removed and its owner is named", async () => {
    await second.stack.setConfig("server", {
      value: JSON.stringify({ volumeName: volume, adopt: await owner() }),
    });
    await assert.rejects(up(second), /volume-not-owned[^]*runs on it/);
    await takeDown(first);
    await up(second);
    assert.equal(await crop(second), "not in a backup");
    // It is the stack's own from now on.
    await second.stack.setConfig("server", { value: JSON.stringify({ volumeName: volume, shmSize: 96 }) });
    await up(second);
    assert.equal(await crop(second), "not in a backup");
  });

  it("is not lost to a change of its name", async () => {
    await second.stack.setConfig("server", {
      value: JSON.stringify({ volumeName: volume, keepData: false }),
    });
    await up(second);
    await second.stack.setConfig("server", { value: JSON.stringify({ keepData: false }) });
    await assert.rejects(up(second), /volume-not-kept/);
    assert.equal(await crop(second), "not in a backup");
  });
});
