import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { cp, mkdir, readdir, readFile, symlink } from "node:fs/promises";
import path from "node:path";
import { execa } from "execa";
import { root } from "../../setup/paths";
import {
  freePort,
  removeContainer,
  removeFolder,
  removeVolume,
  sql,
  temporaryFolder,
  uniqueName,
} from "../support/resources";

/** What `make up`, `make shell` and `make purge` read. */
const copied = [
  "Pulumi.yaml",
  "index.ts",
  "package.json",
  "tsconfig.json",
  "setup",
  "offline",
  "runner",
  "examples",
  "test/support",
];
const linked = ["node_modules", "dist"];

/** A checkout of one's own, without a Makefile around the set-up. */
async function checkout(): Promise<string> {
  const folder = await temporaryFolder();
  const cli = path.join(".cache", "bin", "pulumi");
  await mkdir(path.join(folder, path.dirname(cli)), { recursive: true });
  await Promise.all([
    // A copy, because the set-up writes into the folder of the CLI, and the CLI looks there for what it runs.
    ...(existsSync(path.join(root, cli)) ? [cp(path.join(root, cli), path.join(folder, cli))] : []),
    ...copied.map((name) => cp(path.join(root, name), path.join(folder, name), { recursive: true })),
    ...linked.map((name) => symlink(path.join(root, name), path.join(folder, name))),
  ]);
  return folder;
}

describe("two checkouts on one machine", function () {
  this.timeout(240_000);
  const [container, port] = [uniqueName(), freePort()];
  const others = uniqueName();
  let first: string;
  let second: string;

  before(async () => {
    [first, second] = await Promise.all([checkout(), checkout()]);
  });
  after(async () => {
    for (const folder of [first, second]) await run(folder, "purge");
    await removeContainer(container);
    await removeContainer(others);
    await removeVolume(`${container}-data`);
    await removeVolume(`${others}-data`);
    await Promise.all([first, second].map((folder) => removeFolder(folder)));
  });

  const run = (folder: string, target: string, input = "") =>
    execa("node", ["--require", "ts-node/register/transpile-only", "setup/main.ts", target], {
      cwd: folder,
      env: { YES: "1", SHELL: "/bin/sh" },
      input,
      reject: false,
    });
  async function succeed(folder: string, target: string, input = ""): Promise<string> {
    const { exitCode, stdout, stderr } = await run(folder, target, input);
    assert.equal(exitCode, 0, `${stdout}\n${stderr}`);
    return stdout;
  }
  const configure = (name: string, hostPort: number) =>
    [
      "set -e",
      `pulumi config set containerName ${name}`,
      `pulumi config set port ${hostPort}`,
      "pulumi config set --path environment.CBM_SIGNATURE_ROWS 1022",
    ].join("\n");

  it("have a shell in which pulumi works on the stack, and set-up is as it was outside", async () => {
    await succeed(first, "setup");
    const environment = path.join(first, ".cache", "environment.json");
    const before = await readFile(environment, "utf8");
    const again = "node --require ts-node/register/transpile-only setup/main.ts setup";
    const script = `${configure(container, await port)}\npulumi config get containerName\n${again}\n`;
    assert.equal(await succeed(first, "shell", script), container);
    assert.equal(await readFile(environment, "utf8"), before);
    assert.equal((await run(first, "shell", "exit 3\n")).exitCode, 3);
  });

  it("do not take each other's container or volume, although their stacks have the same names", async () => {
    await succeed(first, "up");
    await sql(container, "CREATE TABLE only_here AS SELECT 1");
    await succeed(second, "shell", configure(container, await freePort()));
    const { exitCode, stdout } = await run(second, "up");
    assert.notEqual(exitCode, 0);
    assert.match(stdout, /error\[container-name-taken\][^]*error\[volume-not-owned\]/);
    assert.equal(await sql(container, "SELECT count(*) FROM only_here"), "1");
  });

  it("do not remove each other's data and backups in a purge", async () => {
    const repository = path.join(first, "backups");
    await succeed(
      second,
      "shell",
      `${configure(others, await freePort())}\npulumi config set repository ${repository}\npulumi config set format custom\n`,
    );
    await succeed(second, "up");
    assert.equal((await readdir(path.join(repository, "cbm"))).filter((id) => /^\d/.test(id)).length, 2);
    const { exitCode, stderr } = await run(second, "purge");
    assert.equal(exitCode, 0, stderr);
    assert.match(stderr, /The backups in .* stay/);
    assert.equal((await readdir(path.join(repository, "cbm"))).filter((id) => /^\d/.test(id)).length, 2);
    assert.equal(await sql(container, "SELECT count(*) FROM only_here"), "1");
    const { failed } = await execa("docker", ["volume", "inspect", `${others}-data`], { reject: false });
    assert.ok(failed, "its own volume is gone");
    await succeed(first, "purge");
    assert.deepEqual(await readdir(repository), []);
  });
});
