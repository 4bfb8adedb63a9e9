import assert from "node:assert/strict";
import { readdir, rm } from "node:fs/promises";
import path from "node:path";
import { root } from "../../setup/paths";
import { createProject, type Project, removeProject, up } from "../support/stack";

const program = path.join(root, "test", "support", "restored-stack");

describe("a stack whose backup was deleted by hand", function () {
  this.timeout(600_000);
  let project: Project;

  before(async () => {
    project = await createProject(program, await readdir(program));
    await project.stack.setConfig("restore", { value: "false" });
    await up(project);
  });
  after(() => removeProject(project));

  async function upAndSaid() {
    const said: string[] = [];
    const note = (text: string) => said.push(text);
    const { outputs } = await project.stack.up({ onOutput: note, onError: note });
    return { backup: outputs["backup"]?.value as unknown, said: said.join("") };
  }

  it("warns of a backup that is gone, and takes a new one, once", async () => {
    const gone = String((await project.stack.outputs())["backup"]?.value);
    await rm(path.join(project.folder, "backups", "taken"), { recursive: true });
    const { stdout } = await project.stack.preview();
    assert.match(stdout, new RegExp(`warning: The last backup, .*${gone}, is not there any more`));
    const first = await upAndSaid();
    assert.match(first.said, /is not there any more/);
    assert.notEqual(first.backup, gone);
    const second = await upAndSaid();
    assert.equal(second.backup, first.backup);
    assert.doesNotMatch(second.said, /is not there any more/);
    await rm(path.join(project.folder, "backups", "taken"), { recursive: true });
    assert.notEqual((await upAndSaid()).backup, first.backup);
  });
});
