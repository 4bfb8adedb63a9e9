import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdir } from "node:fs/promises";
import path from "node:path";
import { execa } from "execa";
import { startServer, TestContainer } from "../support/container";
import { environment } from "../support/environment";
import {
  ownLabel,
  removeContainer,
  removeFolder,
  sql,
  temporaryFolder,
  uniqueName,
} from "../support/resources";
import { endedStatus, runnerMain, runRunner } from "../support/runner";
import { throwaways } from "../support/throwaways";
import { waitUntil } from "../support/wait";

describe("a restore test that goes wrong", function () {
  this.timeout(300_000);
  let container: string;
  let folder: string;

  before(async () => {
    folder = await temporaryFolder();
    container = await startServer({ ownData: true });
    await sql(
      container,
      `CREATE TABLE large AS SELECT g, repeat('x', 300) AS filling FROM generate_series(1, 1000000) g;
       CREATE TABLE small AS SELECT 1 AS x;`,
    );
  });
  after(async () => {
    await removeContainer(container);
    await removeFolder(folder);
  });

  const args = (table: string, name: string) => [
    ...["backup", "--container", container, "--table", table, "--format", "custom", "--verify", "restore"],
    ...["--repository", folder, "--name", name],
  ];
  const volumesOf = async (name: string) => {
    const format = '{{range .Mounts}}{{if eq .Type "volume"}}{{.Name}} {{end}}{{end}}';
    const { stdout } = await execa("docker", ["inspect", "--format", format, name]);
    return stdout.split(" ").filter((volume) => volume !== "");
  };
  const restoring = async () => {
    const [name] = await throwaways(folder);
    if (name === undefined) return false;
    const { all } = await execa("docker", ["top", name, "-eo", "pid,args"], { reject: false, all: true });
    return /COPY/.test(all);
  };
  const starting = async () => (await throwaways(folder)).length > 0;

  for (const signal of ["SIGINT", "SIGTERM", "SIGKILL"] as const) {
    for (const [moment, reached] of [
      ["while its container starts", starting],
      ["while rows are restored", restoring],
    ] as const) {
      it(`leaves no container and no volume within 10 s of ${signal} ${moment}`, async () => {
        const runner = spawn("node", [runnerMain, ...args("large", "ended")], {
          stdio: ["ignore", "pipe", "pipe"],
        });
        const closed = once(runner, "close");
        await waitUntil(`a restore test ${moment}`, reached);
        const [name = ""] = await throwaways(folder);
        const volumes = await volumesOf(name);
        runner.kill(signal);
        await waitUntil("the container's end", async () => (await throwaways(folder)).length === 0, 10);
        const { stdout } = await execa("docker", ["volume", "ls", "--quiet"]);
        assert.deepEqual(
          volumes.filter((volume) => stdout.split("\n").includes(volume)),
          [],
        );
        const [code] = (await closed) as [number | null];
        assert.equal(code, signal === "SIGKILL" ? null : endedStatus[signal]);
        const left = await readdir(path.join(folder, "ended"));
        assert.ok(
          left.every((entry) => signal === "SIGKILL" && entry.startsWith(".")),
          left.join(" "),
        );
        await removeFolder(path.join(folder, "ended"));
      });
    }
  }

  it("because the disk is full says so, and publishes nothing", async () => {
    // Its data is in memory, which is as large as Docker was told.
    const image = uniqueName();
    const { image: base } = await environment;
    await execa("docker", ["build", "--quiet", ...ownLabel, "--tag", image, "-"], {
      input: `FROM ${base}\nENV PGDATA=/dev/shm/data\n`,
    });
    const source = uniqueName();
    try {
      const options = ["--network", "none", "--shm-size", "3g", "--env", "POSTGRES_PASSWORD=test"];
      const server = new TestContainer(source, image);
      await server.run(options);
      await server.ready();
      await sql(
        source,
        "CREATE TABLE large AS SELECT repeat('x', 1900) AS filling FROM generate_series(1, 650000) g",
      );
      const replaced = args("large", "full").map((word) => (word === container ? source : word));
      const { exitCode, stdout, stderr } = await runRunner(replaced);
      assert.equal(exitCode, 1);
      assert.equal(stdout, "");
      assert.match(stderr, /error\[space-insufficient\]: .*No space left on device/);
      assert.deepEqual(await readdir(path.join(folder, "full")), []);
      assert.deepEqual(await throwaways(folder), []);
    } finally {
      await removeContainer(source);
      await execa("docker", ["image", "rm", "--force", image], { reject: false });
    }
  });
});
