import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { ProgramInfo, RunRequest } from "@pulumi/pulumi/proto/language_pb";
import { execa } from "execa";
import { afterEach, beforeEach, describe, it } from "mocha";
import { runArguments, runEnvironment } from "../../../offline/language-nodejs/arguments";
import { runProgram } from "../../../offline/language-nodejs/child";
import { optionsEnvironment, parseOptions, splitArguments } from "../../../offline/language-nodejs/options";
import { dependencies, requiredPackage, requiredPackages } from "../../../offline/language-nodejs/packages";
import { responseOf } from "../../../offline/language-nodejs/run";
import { environmentOf } from "../../../offline/language-nodejs/run-plugin";

function request(dryRun: boolean): RunRequest {
  const info = new ProgramInfo();
  info.setRootDirectory("/root");
  info.setProgramDirectory("/root/program");
  info.setEntryPoint(".");
  const run = new RunRequest();
  run.setInfo(info);
  run.setProject("project");
  run.setStack("dev");
  run.setOrganization("org");
  run.setParallel(4);
  run.setMonitorAddress("127.0.0.1:1");
  run.setDryrun(dryRun);
  run.setArgsList(["--flag", "x"]);
  run.getConfigMap().set("aws:region", "eu").set("project:key", "value");
  run.setConfigsecretkeysList(["project:key"]);
  return run;
}

describe("offline language host: arguments", () => {
  it("passes a run's flags, then the program and its arguments", () => {
    const expected = [
      ...["--monitor", "127.0.0.1:1", "--engine", "127.0.0.1:2", "--organization", "org"],
      ...["--project", "project", "--root-directory", "/root", "--stack", "dev"],
      ...["--pwd", "/root/program", "--parallel", "4"],
    ];
    assert.deepEqual(runArguments(request(false), "127.0.0.1:2", undefined), [
      ...expected,
      ".",
      "--flag",
      "x",
    ]);
    assert.deepEqual(runArguments(request(true), "127.0.0.1:2", "http://t"), [
      ...expected,
      ...["--tracing", "http://t", "--dry-run", ".", "--flag", "x"],
    ]);
  });

  it("passes configuration and its secret keys as the SDK reads them", () => {
    assert.deepEqual(runEnvironment(request(false)), {
      PULUMI_CONFIG: '{"aws:config:region":"eu","project:config:key":"value"}',
      PULUMI_CONFIG_SECRET_KEYS: '["project:key"]',
    });
  });

  it("passes a plugin's environment, values with = included", () => {
    assert.deepEqual(environmentOf(["A=1", "B=x=y", "C="]), { A: "1", B: "x=y", C: "" });
  });
});

describe("offline language host: options", () => {
  it("runs TypeScript unless told not to", () => {
    const environment = (options: Record<string, unknown>) => optionsEnvironment(parseOptions(options));
    assert.deepEqual(environment({}), { PULUMI_NODEJS_TYPESCRIPT: "true" });
    assert.deepEqual(environment({ typescript: false, tsconfig: "a.json" }), {
      PULUMI_NODEJS_TSCONFIG_PATH: "a.json",
    });
  });

  it("refuses a wrong type and what it does not cover", () => {
    assert.throws(() => parseOptions({ typescript: "yes" }), /typescript option must be a boolean/);
    assert.throws(() => parseOptions({ nodeargs: 1 }), /nodeargs option must be a string/);
    assert.throws(() => parseOptions({ packagemanager: "yarn" }), /covers npm only/);
    assert.throws(() => parseOptions({ production: true }), /does not cover the option production/);
  });

  it("splits Node.js arguments as a shell does", () => {
    assert.deepEqual(splitArguments(` --a  --b='x y' "c \\" d"e f\\ g `), [
      "--a",
      "--b=x y",
      'c " de',
      "f g",
    ]);
    assert.deepEqual(splitArguments(""), []);
  });
});

describe("offline language host: a program's end", () => {
  it("says nothing more where the SDK has reported the error", () => {
    assert.deepEqual([responseOf(0).getError(), responseOf(0).getBail()], ["", false]);
    assert.deepEqual([responseOf(32).getError(), responseOf(32).getBail()], ["", true]);
    assert.equal(responseOf(7).getError(), "Program exited with non-zero exit code: 7");
  });

  it("prints an error with the SDK's stack lines in no time", async () => {
    const plain = join(process.cwd(), "offline/language-nodejs/plain-errors.ts");
    const program = `
      const error = new Error("mine");
      error.stack = "Error: mine\\n    at run (/app/node_modules/@pulumi/resource.ts:1:2)";
      console.log(require("util").inspect(error, { colors: true }));`;
    const { stdout } = await execa(
      "node",
      ["--require", "ts-node/register/transpile-only", "--require", plain, "-e", program],
      {
        timeout: 15_000,
      },
    );
    assert.equal(stdout, "Error: mine\n    at run (/app/node_modules/@pulumi/resource.ts:1:2)");
  });

  it("interrupts the program when the run is cancelled", async () => {
    const cancelled = new AbortController();
    const trap = 'trap "exit 9" INT; echo ready; while :; do sleep 0.05; done';
    const exitCode = await runProgram("sh", ["-c", trap], {}, cancelled.signal, {
      stdout: () => {
        cancelled.abort();
      },
      stderr: () => undefined,
    });
    assert.equal(exitCode, 9);
  });
});

describe("offline language host: packages", () => {
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "offline-packages-"));
  });

  afterEach(async () => {
    await rm(folder, { recursive: true });
  });

  async function put(path: string, json: object): Promise<void> {
    const file = join(folder, path, "package.json");
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, JSON.stringify(json));
  }

  const sdk = (name: string, version: string) => ({ name, version, pulumi: { resource: true } });

  it("finds SDKs, nested and linked ones too, and nothing else", async () => {
    await put("program", { ...sdk("program", "1.0.0"), dependencies: { "@pulumi/a": "*" } });
    await put("program/node_modules/@pulumi/a", sdk("@pulumi/a", "1.2.3"));
    await put("program/node_modules/plain", { name: "plain", version: "1.0.0" });
    await put("program/node_modules/plain/node_modules/@pulumi/b", sdk("@pulumi/b", "v4.5.6"));
    await put("program/sub/policy/node_modules/@pulumi/d", sdk("@pulumi/d", "1.0.0"));
    await writeFile(join(folder, "program/sub/policy/PulumiPolicy.yaml"), "");
    await put("program/node_modules/plain/test", {});
    await writeFile(join(folder, "program/node_modules/plain/test/package.json"), "{ broken");
    await put("elsewhere", { ...sdk("third", "9.9.9"), pulumi: { resource: true, name: "c", server: "s" } });
    await symlink(join(folder, "elsewhere"), join(folder, "program/node_modules/third"));
    const found = requiredPackages(join(folder, "program")).sort((a, b) => (a.name < b.name ? -1 : 1));
    assert.deepEqual(found, [
      { name: "a", version: "v1.2.3", server: undefined },
      { name: "b", version: "v4.5.6", server: undefined },
      { name: "c", version: "v9.9.9", server: "s" },
    ]);
  });

  it("prefers the plugin's version to the SDK's", () => {
    const json = { name: "@pulumi/a", version: "1.0.0", pulumi: { resource: true, version: "2.0.0" } };
    assert.equal(requiredPackage(json)?.version, "v2.0.0");
  });

  it("refuses parameterized packages and skips unnamed third-party plugins", () => {
    const parameterized = { ...sdk("@pulumi/a", "1.0.0"), pulumi: { resource: true, parameterization: {} } };
    assert.throws(
      () => requiredPackage(parameterized),
      /does not cover the parameterized package @pulumi\/a/,
    );
    assert.equal(requiredPackage(sdk("third", "1.0.0")), undefined);
  });

  it("lists direct dependencies with their installed versions", async () => {
    await put("", { dependencies: { a: "^1" }, devDependencies: { "@x/b": "*" } });
    await put("node_modules/a", { name: "a", version: "1.2.0" });
    assert.throws(() => dependencies(folder), /@x\/b is not installed/);
    await put("node_modules/@x/b", { name: "@x/b", version: "3.0.0" });
    assert.deepEqual(dependencies(folder), [
      { name: "a", version: "1.2.0" },
      { name: "@x/b", version: "3.0.0" },
    ]);
  });
});
