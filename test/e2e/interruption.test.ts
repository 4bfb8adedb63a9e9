import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { readdir, readlink } from "node:fs/promises";
import path from "node:path";
import { execa } from "execa";
import { startServer } from "../support/container";
import { removeContainer, removeFolder, sql, temporaryFolder } from "../support/resources";
import { runnerMain, runRunner } from "../support/runner";

describe("a backup that is cut off", function () {
  this.timeout(120_000);
  let container: string;
  let folder: string;
  let complete: string;
  const series = () => path.join(folder, "cbm");

  before(async () => {
    folder = await temporaryFolder();
    container = await startServer({ mount: folder });
    await sql(
      container,
      `CREATE TABLE small AS SELECT 1 AS x;
       CREATE TABLE large AS SELECT g, md5(g::text) || md5((-g)::text) AS noise FROM generate_series(1, 4000000) g;`,
    );
    await runRunner(arguments_("small"));
    complete = await readlink(path.join(series(), "latest"));
  });
  after(async () => {
    await removeContainer(container);
    await removeFolder(folder);
  });

  function arguments_(table: string): string[] {
    const compression = ["--compression", "gzip:9"];
    return [
      "backup",
      "--container",
      container,
      "--table",
      table,
      "--directory",
      folder,
      "--name",
      "cbm",
      ...compression,
    ];
  }

  /** Commands of the server's clients in the container, and its sessions. */
  async function remains(): Promise<string> {
    const { stdout } = await execa("docker", ["top", container, "-eo", "pid,args"]);
    const processes = stdout.split("\n").filter((line) => /pg_dump|psql|sh -c/.test(line));
    const sessions = await sql(
      container,
      "SELECT pid, query FROM pg_stat_activity WHERE application_name LIKE 'postgis-backup%'",
    );
    return [...processes, sessions].join("\n");
  }

  async function dumping(): Promise<void> {
    for (let attempt = 0; attempt < 200; attempt++) {
      const sessions = await sql(
        container,
        "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'COPY public.large%'",
      );
      if (sessions !== "0") return;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    assert.fail("pg_dump did not reach the table");
  }

  for (const signal of ["SIGINT", "SIGTERM", "SIGKILL"] as const) {
    it(`by ${signal} leaves no process, no session, no half backup, and the server as it was`, async () => {
      const started = await sql(container, "SELECT pg_postmaster_start_time()");
      const runner = spawn("node", [runnerMain, ...arguments_("large")], {
        stdio: ["ignore", "pipe", "pipe"],
      });
      let stderr = "";
      runner.stderr.on("data", (data: Buffer) => (stderr += data.toString()));
      await dumping();
      runner.kill(signal);
      const [code] = (await once(runner, "close")) as [number | null];
      if (signal === "SIGKILL") assert.equal(code, null);
      else {
        assert.equal(code, 1);
        assert.match(stderr, new RegExp(`Interrupted by ${signal}`));
      }

      const deadline = Date.now() + 5_000;
      while ((await remains()) !== "" && Date.now() < deadline)
        await new Promise((resolve) => setTimeout(resolve, 200));
      assert.equal(await remains(), "");
      const left = (await readdir(series())).filter((name) => name !== complete && name !== "latest");
      assert.ok(
        left.every((name) => name.startsWith(".") && signal === "SIGKILL"),
        left.join(" "),
      );
      assert.equal(await readlink(path.join(series(), "latest")), complete);
      assert.ok(existsSync(path.join(series(), complete, "manifest.json")));
      assert.equal(await sql(container, "SELECT pg_postmaster_start_time()"), started);
    });
  }

  it("or not, never makes the server take one of its processes for a crashed backend", async () => {
    const { exitCode } = await runRunner(arguments_("small"));
    assert.equal(exitCode, 0);
    const { all } = await execa("docker", ["logs", container], { all: true });
    assert.match(all, /database system is ready to accept connections/);
    assert.doesNotMatch(all, /terminating any other active server processes|was terminated by signal/);
  });
});
