import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, symlink, writeFile } from "node:fs/promises";
import path from "node:path";
import { execa } from "execa";
import packageJson from "../../package.json";
import { root } from "../../setup/paths";
import { removeFolder, temporaryFolder } from "../support/resources";

/** Compiler options of programs that use the package. */
const programs: Readonly<Record<string, object | undefined>> = {
  "without a tsconfig.json": undefined,
  "with the tsconfig.json of Pulumi's template": {
    strict: true,
    target: "es2020",
    module: "commonjs",
    moduleResolution: "node",
    experimentalDecorators: true,
    noFallthroughCasesInSwitch: true,
    noImplicitReturns: true,
    forceConsistentCasingInFileNames: true,
  },
  "with module nodenext": { strict: true, module: "nodenext" },
};

describe("the package, as npm installs it", function () {
  this.timeout(300_000);
  let folder: string;
  let packed: readonly string[];
  const app = (...below: string[]) => path.join(folder, "app", ...below);

  before(async () => {
    folder = await temporaryFolder();
    // Without the build, which other tests use meanwhile.
    const pack = ["pack", "--ignore-scripts", "--json", "--pack-destination", folder];
    const { stdout } = await execa("npm", pack, { cwd: root });
    const [made] = JSON.parse(stdout) as { filename: string; files: { path: string }[] }[];
    assert.ok(made);
    packed = made.files.map((file) => file.path);
    await mkdir(app());
    await writeFile(app("package.json"), JSON.stringify({ name: "app", private: true }));
    const install = ["install", "--no-audit", "--no-fund", "--ignore-scripts"];
    await execa("npm", [...install, path.join(folder, made.filename)], { cwd: app() });
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
    const lock = await readFile(app("node_modules", ".package-lock.json"), "utf8");
    const { packages } = JSON.parse(lock) as { packages: object };
    const installed = Object.keys(packages);
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
    // Those of this project, whose installation takes a minute.
    before(async () => {
      for (const name of ["@pulumi", "@types"])
        await symlink(path.join(root, "node_modules", name), app("node_modules", name));
    });

    it("loads with its own dependencies alone", async () => {
      const load = "console.log(Object.keys(require('postgis-backup')).join(' '))";
      const { stdout } = await execa(process.execPath, ["--eval", load], { cwd: app() });
      assert.match(stdout, /\bPostgisContainer\b.*\bTableBackup\b/);
    });

    for (const [title, compilerOptions] of Object.entries(programs)) {
      it(`compiles the sample of README.md ${title}`, async () => {
        const program = await mkdtemp(app("program-"));
        const readme = await readFile(path.join(root, "README.md"), "utf8");
        const [, sample] = /^```ts\n(import .*?)^```/ms.exec(readme) ?? [];
        assert.ok(sample);
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
        const tsc = path.join(root, "node_modules", ".bin", "tsc");
        const given = compilerOptions === undefined ? ["--types", "node", "index.ts"] : ["--project", "."];
        await execa(tsc, ["--noEmit", ...given], { cwd: program });
      });
    }
  });
});
