import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa, type ResultPromise } from "execa";
import { offlineEnvironment } from "../../offline/environment";
import { builtPulumi, cache, root } from "../../setup/paths";

export interface StateResource {
  type: string;
  id?: string;
  inputs?: Record<string, unknown>;
  outputs?: Record<string, unknown>;
}

/** What one run of the CLI printed, and whether it succeeded. */
export interface Run {
  ok: boolean;
  output: string;
}

/** A Pulumi project with a stack of its own, in a temporary folder. */
class OfflineStack {
  folder = "";

  async create(): Promise<void> {
    this.folder = await mkdtemp(join(tmpdir(), "offline-stack-"));
    await mkdir(join(this.folder, "state"));
    await symlink(join(root, "node_modules"), join(this.folder, "node_modules"));
    await this.write("package.json", JSON.stringify({ name: "offline-test", main: "index.js" }));
    const options = "runtime:\n  name: nodejs\n  options:\n    typescript: false\n";
    await this.write("Pulumi.yaml", `name: offline-test\n${options}`);
    await this.cli("stack", "init", "dev");
  }

  async write(file: string, text: string): Promise<void> {
    await writeFile(join(this.folder, file), text);
  }

  /** Replaces the program; `pulumi`, `command` and `docker` are at hand in it. */
  async program(body: string): Promise<void> {
    const imports = ["pulumi", "command", "docker"].map(
      (name) => `const ${name} = require("@pulumi/${name}");\n`,
    );
    await this.write("index.js", `${imports.join("")}${body}`);
  }

  start(...args: string[]): ResultPromise<{ all: true; reject: false }> {
    return execa(builtPulumi, [...args, "--non-interactive"], {
      cwd: this.folder,
      all: true,
      reject: false,
      env: {
        ...offlineEnvironment(cache),
        PULUMI_BACKEND_URL: `file://${join(this.folder, "state")}`,
        PULUMI_CONFIG_PASSPHRASE: "test",
        NO_COLOR: "1",
      },
    });
  }

  async cli(...args: string[]): Promise<Run> {
    const { failed, all } = await this.start(...args);
    return { ok: !failed, output: all };
  }

  up(...options: string[]): Promise<Run> {
    return this.cli("up", "--yes", "--skip-preview", ...options);
  }

  refresh(): Promise<Run> {
    return this.cli("refresh", "--yes", "--skip-preview");
  }

  destroy(): Promise<Run> {
    return this.cli("destroy", "--yes", "--skip-preview");
  }

  /** The state as it is stored, secrets encrypted. */
  async stateText(): Promise<string> {
    return (await this.cli("stack", "export")).output;
  }

  async resource(type: string): Promise<StateResource | undefined> {
    const { deployment } = JSON.parse(await this.stateText()) as {
      deployment: { resources?: StateResource[] };
    };
    return deployment.resources?.find((resource) => resource.type === type);
  }

  async remove(): Promise<void> {
    if ((await this.stateText()).includes('"type"')) await this.destroy();
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** A stack that is made anew for each test of the suite in which this is called. */
export function stackForEachTest(): OfflineStack {
  const stack = new OfflineStack();
  beforeEach(() => stack.create());
  afterEach(() => stack.remove());
  return stack;
}

/** The output of a run that succeeds, without a warning. */
export async function succeed(run: Promise<Run>): Promise<string> {
  const { ok, output } = await run;
  assert.ok(ok, output);
  assert.doesNotMatch(output, /warning/i);
  return output;
}

/** The output of a run that fails. */
export async function fail(run: Promise<Run>): Promise<string> {
  const { ok, output } = await run;
  assert.ok(!ok, output);
  return output;
}
