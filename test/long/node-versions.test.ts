/** The versions of Node.js that package.json names, besides the one that runs all other tests. */
import assert from "node:assert/strict";
import { appendFile, copyFile, readFile, symlink } from "node:fs/promises";
import path from "node:path";
import { execa } from "execa";
import packageJson from "../../package.json";
import { nodeFolder, nodeVersions } from "../../setup/node";
import { root } from "../../setup/paths";
import { BackupResult, VerifyResult } from "../../runner/request";
import { backupArguments } from "../support/backup";
import { startServer } from "../support/container";
import { removeContainer, removeFolder, sql, temporaryFolder } from "../support/resources";
import { runnerMain } from "../support/runner";
import { expectSampleBackup } from "../support/sample-backup";
import { createProject, type Project, removeProject, up } from "../support/stack";

const example = path.join(root, "examples", "daily");

for (const version of nodeVersions)
  describe(`with Node.js ${version}`, function () {
    this.timeout(240_000);
    const node = path.join(nodeFolder(version), "node");

    describe("the command line", () => {
      let folder: string;
      let container: string;

      before(async () => {
        [folder, container] = await Promise.all([temporaryFolder(), startServer()]);
        await sql(container, await readFile(path.join(example, "schema.sql"), "utf8"));
      });
      after(() => Promise.all([removeContainer(container), removeFolder(folder)]));

      async function run(...args: string[]): Promise<string> {
        const { stdout, stderr } = await execa(node, [runnerMain, ...args]);
        assert.doesNotMatch(stderr, /warning/i);
        return stdout;
      }

      it("takes a backup, and verifies it", async () => {
        assert.equal((await execa(node, ["--version"])).stdout, `v${version}`);
        assert.equal(await run("--version"), packageJson.version);
        const options = {
          container,
          repository: folder,
          tables: ["dias_catalogue", "roi*"],
          more: ["--json"],
        };
        const { location } = BackupResult.parse(JSON.parse(await run(...backupArguments(options))));
        const verified = VerifyResult.parse(JSON.parse(await run("verify", location, "--json")));
        assert.deepEqual(
          verified.backups.map(({ location: where, error }) => [where, error]),
          [[location, undefined]],
        );
      });
    });

    describe("a program", () => {
      let project: Project;

      before(async () => {
        project = await createProject(example, ["Pulumi.yaml", "schema.sql"]);
        const program = path.join(project.folder, "index.ts");
        // A copy that says what runs it; a copy finds the package where its package.json is.
        await symlink(path.join(root, "dist"), path.join(project.folder, "dist"));
        await copyFile(path.join(example, "index.ts"), program);
        await appendFile(program, "export const node = process.version;\n");
        project.stack.workspace.envVars["PATH"] = [nodeFolder(version), process.env["PATH"]].join(":");
      });
      after(() => removeProject(project));

      it("takes its backup, and another up changes nothing", async () => {
        const { outputs } = await up(project);
        assert.equal(outputs["node"], `v${version}`);
        await expectSampleBackup(outputs["location"], project.container);
        assert.deepEqual(Object.keys((await up(project)).changes), ["same"]);
      });
    });
  });
