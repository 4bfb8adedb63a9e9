/** Programs in other languages, with the components from a fresh clone, where nothing is installed and nothing built. */
import assert from "node:assert/strict";
import { cp, readdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { execa } from "execa";
import { packageSchemaFile } from "../../schema/package-schema";
import { python, pythonSdkProgram } from "../../setup/languages";
import { root } from "../../setup/paths";
import { cloneProject } from "../support/checkout";
import { environment } from "../support/environment";
import { removeFolder, removeVolume, temporaryFolder } from "../support/resources";
import { expectSampleBackup } from "../support/sample-backup";
import { createProject, type Project, removeProject, up } from "../support/stack";

describe("programs in other languages", function () {
  this.timeout(900_000);
  let folder: string;
  let plugin: string;
  let served: string;

  /** What the set-up downloaded is taken from npm's cache. */
  async function pulumi(cwd: string, ...args: string[]): Promise<string> {
    const { pulumi, env } = await environment;
    const { stdout } = await execa(pulumi, args, { cwd, env: { ...env, npm_config_prefer_offline: "true" } });
    return stdout;
  }

  before(async () => {
    folder = await temporaryFolder();
    await cloneProject(path.join(folder, "clone"));
    plugin = path.join(folder, "clone", "plugin");
    served = await pulumi(folder, "package", "get-schema", plugin);
  });
  after(() => removeFolder(folder));

  it("have the components when the CLI has installed and built what they need", async () => {
    const parts = JSON.parse(served) as Record<string, object>;
    const committed = JSON.parse(await readFile(packageSchemaFile, "utf8")) as Record<string, object>;
    for (const part of ["resources", "types"])
      assert.deepEqual(
        Object.keys(parts[part] ?? {}).toSorted(),
        Object.keys(committed[part] ?? {}).toSorted(),
      );
  });

  /** A copy of an example, with other text in its Pulumi.yaml. */
  async function projectOf(example: string, change: (text: string) => string): Promise<Project> {
    const program = path.join(folder, example);
    await cp(path.join(root, "examples", example), program, { recursive: true });
    const file = path.join(program, "Pulumi.yaml");
    await writeFile(file, change(await readFile(file, "utf8")));
    return createProject(program, await readdir(program));
  }

  describe("examples/yaml", () => {
    let project: Project;

    before(async () => {
      // As in a new program: "pulumi package add" writes the packages.
      project = await projectOf("yaml", (text) => text.replace(/^packages:\n(?: .*\n)+/m, ""));
      await pulumi(project.folder, "package", "add", plugin);
    });
    after(() => removeProject(project));

    it("takes a backup that stock pg_restore reads, and another up changes nothing", async () => {
      const { outputs } = await up(project);
      await expectSampleBackup(outputs["location"], project.container);
      assert.deepEqual(Object.keys((await up(project)).changes), ["same"]);
    });

    it("says which argument is wrong", async () => {
      await project.stack.setConfig("port", { value: "70000" });
      await assert.rejects(up(project), /port: .*65535.*\(PostgisContainer "pg_spat"\)/);
    });
  });

  describe("examples/python", () => {
    let project: Project;
    let sdk: string;

    before(async () => {
      project = await projectOf("python", (text) => text.replace("../../plugin", plugin));
      const source = path.join(folder, "sdk-source");
      sdk = path.join(folder, "sdk");
      await execa(pythonSdkProgram, [packageSchemaFile, source]);
      const pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
      await execa(python, [...pip, "--no-build-isolation", "--no-deps", "--target", sdk, source]);
    });
    after(async () => {
      await run("destroy");
      await removeVolume(`${project.container}-data`);
      await removeFolder(project.folder);
    });

    async function run(verb: string): Promise<string> {
      const { pulumi, env } = await environment;
      const program = path.join(root, "test", "support", "languages", "run_program.py");
      const { stdout } = await execa(python, [program, verb, project.folder, "test"], {
        env: {
          ...env,
          ...project.stack.workspace.envVars,
          PATH: [path.dirname(pulumi), process.env["PATH"]].join(path.delimiter),
          PYTHONPATH: sdk,
        },
      });
      return stdout;
    }

    it("passes a strict type checker, with the SDK that Pulumi generates from the schema", async () => {
      const program = path.join(project.folder, "__main__.py");
      const options = ["--strict", "--follow-imports=silent", `--cache-dir=${path.join(folder, "mypy")}`];
      const env = { MYPYPATH: sdk };
      await execa(python, ["-m", "mypy", ...options, program], { env });
      const wrong = path.join(folder, "wrong.py");
      const text = await readFile(program, "utf8");
      await writeFile(
        wrong,
        text.replace('every="24h"', "every=24").replace("backup_directory", "backup_folder"),
      );
      const { stdout } = await execa(python, ["-m", "mypy", ...options, wrong], { env, reject: false });
      assert.match(stdout, /Unexpected keyword argument "backup_folder"/);
      assert.match(stdout, /No overload variant of "TableBackup" .*"int"/);
    });

    it("takes a backup that stock pg_restore reads, and another up changes nothing", async () => {
      const { outputs, changes } = JSON.parse(await run("up")) as {
        outputs: Record<string, unknown>;
        changes: object;
      };
      await expectSampleBackup(outputs["location"], project.container);
      assert.deepEqual(Object.keys(changes), ["same"]);
    });
  });
});
