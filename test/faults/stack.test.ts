import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { environment } from "../support/environment";
import { sessionRunning } from "../support/backup-fixture";
import { expectNothingLost, rememberBackups } from "../support/nothing-lost";
import { createProject, type Project, removeProject, up } from "../support/stack";

describe("the stack program", function () {
  this.timeout(300_000);
  let project: Project;
  let password: string;

  before(async () => {
    project = await createProject();
    password = (await project.stack.getConfig("password")).value;
    const settings = { CBM_SIGNATURE_ROWS: "1000000" };
    await project.stack.setConfig("environment", { value: JSON.stringify(settings) });
    await project.stack.setConfig("compression", { value: "gzip:9" });
    await project.stack.setConfig("tables[0]", { value: "dias_catalogue" }, true);
    await up(project);
  });
  after(() => removeProject(project));

  /** `pulumi up` in a process group of its own, as a shell with job control starts it. */
  async function startUp() {
    const { pulumi } = await environment;
    const child = spawn(pulumi, ["up", "--yes", "--skip-preview", "--non-interactive", "--stack", "test"], {
      cwd: project.folder,
      env: { ...process.env, ...project.stack.workspace.envVars },
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
    });
    const output = { stdout: "", stderr: "" };
    for (const stream of ["stdout", "stderr"] as const) {
      child[stream].on("data", (data: Buffer) => (output[stream] += data.toString()));
    }
    const started = performance.now();
    const ended = once(child, "close").then(([code]) => ({
      exitCode: (code as number | null) ?? undefined,
      ...output,
      seconds: (performance.now() - started) / 1000,
    }));
    return { pid: child.pid ?? 0, ended };
  }

  const reading = () => sessionRunning(project.container, 'COPY public."roi2020_S2_signatures"%');
  const expected = { code: undefined, message: /./, partial: "left" } as const;

  it("leaves nothing behind when Ctrl-C ends the up, and backs up in the next", async () => {
    const before = await rememberBackups(project.container, path.join(project.folder, "backups"));
    await project.stack.setConfig("tables[0]", { value: "roi2020_S2_signatures" }, true);
    const { pid, ended } = await startUp();
    await reading();
    process.kill(-pid, "SIGINT");
    await expectNothingLost(before, await ended, { ...expected, secrets: [password] });
    const { outputs } = await up(project);
    assert.deepEqual(outputs["backupTables"], ['public."roi2020_S2_signatures"']);
  });

  it("refuses a second up while one runs, and the first completes", async () => {
    await project.stack.setConfig("triggers[0]", { value: "again" }, true);
    const first = await startUp();
    await reading();
    const second = await (await startUp()).ended;
    assert.notEqual(second.exitCode, 0);
    assert.match(`${second.stdout}${second.stderr}`, /stack is currently locked|another update/i);
    const { exitCode, stdout, stderr } = await first.ended;
    assert.equal(exitCode, 0, stdout + stderr);
  });
});
