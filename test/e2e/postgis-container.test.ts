import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import net from "node:net";
import path from "node:path";
import { execa } from "execa";
import { startServer } from "../support/container";
import { removeContainer } from "../support/resources";
import { createProject, type Project, removeProject } from "../support/stack";

describe("a PostgisContainer that cannot be", function () {
  this.timeout(300_000);
  let project: Project;

  beforeEach(async () => {
    project = await createProject();
  });
  afterEach(() => removeProject(project));

  async function failedUp(): Promise<string> {
    const output: string[] = [];
    await assert.rejects(
      project.stack.up({ onOutput: (text) => output.push(text), onError: (text) => output.push(text) }),
    );
    return output.join("");
  }
  const exists = async (kind: "container" | "volume", name: string) =>
    !(await execa("docker", [kind, "inspect", name], { reject: false })).failed;
  async function nothingWasCreated(): Promise<void> {
    assert.equal(await exists("container", project.container), false);
    assert.equal(await exists("volume", `${project.container}-data`), false);
  }

  it("is previewed without an alarm about what the program creates itself", async () => {
    const { stdout } = await project.stack.preview();
    assert.doesNotMatch(stdout, /warning:|error\[/);
    assert.match(stdout, new RegExp(`The backup is checked when container "${project.container}" runs`));
  });

  it("is previewed with a warning of a taken port and a missing init script, and nothing is made", async () => {
    const server = net.createServer().listen(project.port, "127.0.0.1");
    await project.stack.setConfig("initScripts[0]", { value: "no-such.sql" }, true);
    await project.stack.setConfig("backupDirectory", { value: "not-yet" });
    const { stdout } = await project.stack.preview().finally(() => server.close());
    assert.match(stdout, /warning: The container could not be created as things are now\./);
    assert.match(stdout, new RegExp(`error\\[port-in-use\\]: .*${project.port}`));
    assert.match(stdout, /error\[init-script-not-readable\]: .*no-such\.sql/);
    assert.equal(existsSync(path.join(project.folder, "not-yet")), false);
  });

  it("reports a port in use and a directory that cannot be written, both, before anything is created", async () => {
    const server = net.createServer().listen(project.port, "127.0.0.1");
    const file = path.join(project.folder, "file");
    await writeFile(file, "");
    await project.stack.setConfig("backupDirectory", { value: path.join(file, "backups") });
    const output = await failedUp().finally(() => server.close());
    assert.match(output, new RegExp(`Port ${project.port} on 127.0.0.1 is in use\\. Choose another port`));
    assert.match(
      output,
      /backup folder .*file\/backups cannot be written: .*is not a folder.*Choose another repository/,
    );
    await nothingWasCreated();
  });

  for (const [name, setting, value, message] of [
    ["a misspelt setting", "lockTimout", "5", /Setting "lockTimout" is unknown\. Did you mean lockTimeout\?/],
    ["a format that does not exist", "format", "tar", /format: /],
    ["a period that cannot be read", "every", "soon", /every: .*24h/],
  ] as const) {
    it(`names ${name} before anything is created`, async () => {
      await project.stack.setConfig(setting, { value });
      assert.match(await failedUp(), message);
      await nothingWasCreated();
      const state = JSON.stringify(await project.stack.exportStack());
      assert.ok(!state.includes("command:local:Command"), "not even the preflight ran");
    });
  }

  it("leaves a container of that name alone that is not the stack's", async () => {
    const foreign = await startServer();
    try {
      await project.stack.setConfig("containerName", { value: foreign });
      const output = await failedUp();
      assert.match(
        output,
        new RegExp(`Container "${foreign}" exists already and does not belong to this stack`),
      );
      assert.ok(await exists("container", foreign));
      assert.equal(await exists("volume", `${foreign}-data`), false);
    } finally {
      await removeContainer(foreign);
    }
  });

  it("refuses settings that the server does not start with before anything is created", async () => {
    await project.stack.setConfig("settings", { value: '{"shared_buffers": "nonsense"}' });
    const output = await failedUp();
    assert.match(output, /invalid value for parameter "shared_buffers": "nonsense"/);
    await nothingWasCreated();
  });

  /** A first start that ends in the middle. */
  async function breakInitialisation(): Promise<void> {
    await writeFile(path.join(project.folder, "break.sh"), "echo this script breaks off; exit 7\n");
    await project.stack.setConfig("initScripts[0]", { value: "break.sh" }, true);
  }

  it("fails at once with the last log lines when the server dies", async () => {
    await breakInitialisation();
    const started = Date.now();
    const output = await failedUp();
    assert.ok(Date.now() - started < 200_000, "it did not wait for the 600 s of the timeout");
    assert.match(output, /died before its server answered/);
    assert.match(output, /this script breaks off/);
  });

  it("says how to get rid of a volume whose initialisation broke off, and works after that", async () => {
    await breakInitialisation();
    const output = await failedUp();
    const remedy =
      /remove both before the next try, with "(docker rm --force \S+ && docker volume rm \S+)"/.exec(
        output,
      )?.[1];
    assert.ok(remedy, output);
    await execa("bash", ["-ec", remedy]);
    await project.stack.removeConfig("initScripts");
    const { outputs } = await project.stack.up();
    assert.match(String(outputs["backupId"]?.value), /^\d{8}T\d{6}Z$/);
  });
});
