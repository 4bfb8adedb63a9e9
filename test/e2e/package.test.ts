import assert from "node:assert/strict";
import { cp, mkdir, mkdtemp, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { execa } from "execa";
import packageJson from "../../package.json";
import { newestNode, nodeFolder } from "../../setup/node";
import { root } from "../../setup/paths";
import { environment } from "../support/environment";
import { removeFolder, temporaryFolder } from "../support/resources";
import { expectSampleBackup } from "../support/sample-backup";
import { destroyProject, type Project, projectIn, up } from "../support/stack";

/** It refuses versions of Node.js before 22, which this checkout supports. */
const newestSdk = "3.276.0";

/** Those of `pulumi new typescript`. */
const templateOptions = {
  strict: true,
  target: "es2020",
  module: "commonjs",
  moduleResolution: "node",
  experimentalDecorators: true,
  noFallthroughCasesInSwitch: true,
  noImplicitReturns: true,
  forceConsistentCasingInFileNames: true,
};

/** Compiler options of further programs that use the package. */
const programs: Readonly<Record<string, object | undefined>> = {
  "without a tsconfig.json": undefined,
  "with module nodenext": { strict: true, module: "nodenext" },
};

describe("the package, as npm installs it", function () {
  this.timeout(300_000);
  let folder: string;
  let packed: readonly string[];
  let tarball: string;
  const app = (...below: string[]) => path.join(folder, "app", ...below);

  /** What this checkout has is taken from npm's cache. */
  async function install(...packages: string[]): Promise<void> {
    const options = ["--no-audit", "--no-fund", "--ignore-scripts", "--prefer-offline"];
    await execa("npm", ["install", ...options, ...packages], { cwd: app() });
  }

  /** By their folders. */
  async function installedPackages(): Promise<Readonly<Record<string, { readonly version: string }>>> {
    const lock = await readFile(app("node_modules", ".package-lock.json"), "utf8");
    return (JSON.parse(lock) as { packages: Record<string, { version: string }> }).packages;
  }

  before(async () => {
    folder = await temporaryFolder();
    // Without the build, which other tests use meanwhile.
    const pack = ["pack", "--ignore-scripts", "--json", "--pack-destination", folder];
    const { stdout } = await execa("npm", pack, { cwd: root });
    const [made] = JSON.parse(stdout) as { filename: string; files: { path: string }[] }[];
    assert.ok(made);
    packed = made.files.map((file) => file.path);
    tarball = path.join(folder, made.filename);
    await mkdir(app());
    await writeFile(app("package.json"), JSON.stringify({ name: "app", private: true }));
    await install(tarball);
  });
  after(() => removeFolder(folder));

  it("has the command line once, and what README.md links to", async () => {
    const runner = packed.filter((file) => file.startsWith("dist/runner/"));
    assert.deepEqual(
      runner.filter((file) => !/^dist\/runner\/(request\/|lib\/failure\.)/.test(file)),
      [],
    );
    assert.ok(packed.includes("dist/postgis-backup.js"));
    const licences = await readFile(path.join(root, "dist", "LICENSES.txt"), "utf8");
    assert.ok(packed.includes("dist/LICENSES.txt"));
    for (const name of ["commander", "execa", "tar-stream", "zod"])
      assert.match(licences, new RegExp(`^${name} \\d+\\.\\d+\\.\\d+ \\(MIT\\)\n\n.*\\bMIT\\b`, "ms"));
    const readme = await readFile(path.join(root, "README.md"), "utf8");
    const links = [...readme.matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map(([, link = ""]) => link);
    assert.deepEqual(
      links.filter((link) => !packed.includes(link)),
      [],
    );
  });

  it("brings few packages where only the command line is used, and no Pulumi", async () => {
    const installed = Object.keys(await installedPackages());
    assert.deepEqual(
      installed.filter((name) => name.includes("@pulumi/")),
      [],
    );
    assert.ok(installed.length <= 40, installed.join("\n"));
    const program = app("node_modules", ".bin", "postgis-backup");
    assert.equal((await execa(program, ["--version"])).stdout, packageJson.version);
    const unreachable = ["list", "--repository", "s3://backups/gis", "--s3-endpoint", "http://127.0.0.1:9"];
    const env = {
      AWS_ACCESS_KEY_ID: "a",
      AWS_SECRET_ACCESS_KEY: "b",
      AWS_REGION: "eu",
      AWS_MAX_ATTEMPTS: "1",
    };
    const { exitCode, stderr } = await execa(program, unreachable, { reject: false, env });
    assert.equal(exitCode, 1);
    assert.match(stderr, /^error\[s3-unreachable\]/);
  });

  describe("with its peers", () => {
    let sample: string;

    // By the commands of README.md and of Pulumi's template, in the versions of this checkout.
    before(async () => {
      const readme = await readFile(path.join(root, "README.md"), "utf8");
      [, sample = ""] = /^```ts\n(import .*?)^```/ms.exec(readme) ?? [];
      assert.notEqual(sample, "");
      const [, peers = ""] = /^\$ npm install \.\/postgis-backup-\S+ (@pulumi.*)$/m.exec(readme) ?? [];
      const names = peers.split(" ").map((name) => name.replace(/(?<=.)@.*/, ""));
      assert.deepEqual(names.toSorted(), Object.keys(packageJson.peerDependencies).toSorted());
      const versions: Readonly<Record<string, string>> = packageJson.devDependencies;
      const pinned = [...names, "typescript", "@types/node"].map((name) => `${name}@${versions[name] ?? ""}`);
      await install(tarball, ...pinned);
    });

    const sdks = async () =>
      Object.entries(await installedPackages())
        .filter(([name]) => name.endsWith("node_modules/@pulumi/pulumi"))
        .map(([name, { version }]) => [name, version]);

    it("has Pulumi's SDK once", async () => {
      const versions = packageJson.devDependencies;
      assert.deepEqual(await sdks(), [["node_modules/@pulumi/pulumi", versions["@pulumi/pulumi"]]]);
    });

    it("loads with its own dependencies alone", async () => {
      const load = "console.log(Object.keys(require('postgis-backup')).join(' '))";
      const { stdout } = await execa(process.execPath, ["--eval", load], { cwd: app() });
      assert.match(stdout, /\bPostgisContainer\b.*\bTableBackup\b/);
    });

    for (const [title, compilerOptions] of Object.entries(programs)) {
      it(`compiles the sample of README.md ${title}`, async () => {
        const program = await mkdtemp(app("program-"));
        await writeFile(path.join(program, "index.ts"), sample);
        await writeFile(
          path.join(program, "package.json"),
          JSON.stringify({ name: "program", private: true }),
        );
        if (compilerOptions !== undefined)
          await writeFile(
            path.join(program, "tsconfig.json"),
            JSON.stringify({ compilerOptions: { ...compilerOptions, types: ["node"] }, files: ["index.ts"] }),
          );
        const given = compilerOptions === undefined ? ["--types", "node", "index.ts"] : ["--project", "."];
        await execa(app("node_modules", ".bin", "tsc"), ["--noEmit", ...given], { cwd: program });
      });
    }

    describe("the program in YAML, with the plugin of the package", () => {
      let project: Project;

      before(async () => {
        const program = path.join(folder, "yaml");
        await cp(path.join(root, "examples", "yaml"), program, { recursive: true });
        const file = path.join(program, "Pulumi.yaml");
        // "pulumi package add" writes the packages.
        const text = await readFile(file, "utf8");
        await writeFile(file, text.replace(/^packages:\n(?: .*\n)+/m, ""));
        const { pulumi, env } = await environment;
        const plugin = app("node_modules", "postgis-backup", "plugin");
        await execa(pulumi, ["package", "add", plugin], { cwd: program, env });
        project = await projectIn(program);
      });
      after(() => destroyProject(project));

      it("takes a backup that stock pg_restore reads", async () => {
        const { outputs } = await up(project);
        await expectSampleBackup(outputs["location"], project.container);
      });
    });

    describe("the program of README.md, with the tsconfig.json of Pulumi's template", () => {
      let project: Project;

      before(async () => {
        await Promise.all([
          writeFile(
            app("Pulumi.yaml"),
            "name: app\nruntime:\n  name: nodejs\n  options:\n    packagemanager: npm\n",
          ),
          writeFile(
            app("tsconfig.json"),
            JSON.stringify({ compilerOptions: templateOptions, files: ["index.ts"] }),
          ),
          writeFile(app("index.ts"), sample),
          cp(path.join(root, "examples", "daily", "schema.sql"), app("schema.sql")),
        ]);
        project = await projectIn(app());
      });
      after(() => destroyProject(project));

      it("compiles, and takes a backup that stock pg_restore reads", async () => {
        project.stack.workspace.envVars["PULUMI_NODEJS_TRANSPILE_ONLY"] = "false";
        const { outputs } = await up(project);
        await expectSampleBackup(outputs["location"], project.container);
      });

      it("changes nothing in another up, with the newest SDK on the newest Node.js", async () => {
        await install(`@pulumi/pulumi@${newestSdk}`);
        assert.deepEqual(await sdks(), [["node_modules/@pulumi/pulumi", newestSdk]]);
        const { envVars } = project.stack.workspace;
        envVars["PULUMI_NODEJS_TRANSPILE_ONLY"] = "true";
        envVars["PATH"] = [nodeFolder(newestNode), process.env["PATH"]].join(path.delimiter);
        await writeFile(app("index.ts"), `${sample}export const node = process.version;\n`);
        const { changes, outputs } = await up(project);
        assert.equal(outputs["node"], `v${newestNode}`);
        assert.deepEqual(Object.keys(changes), ["same"]);
      });
    });
  });
});
