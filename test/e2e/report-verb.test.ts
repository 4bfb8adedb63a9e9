import assert from "node:assert/strict";
import { readdir, readFile, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import { execa } from "execa";
import { removeFolder, temporaryFolder } from "../support/resources";
import { failureOf, runnerMain } from "../support/runner";
import { writeBackup } from "../support/sample-backups";

describe("report", function () {
  it("replaces a report, and another file only if that is named", async () => {
    const repository = await temporaryFolder();
    try {
      await writeBackup(repository, "20261129T010000Z");
      const cwd = repository;
      const run = (...more: string[]) =>
        execa("node", [runnerMain, "report", "--repository", repository, ...more], { cwd, reject: false });
      for (let time = 0; time < 2; time++) assert.equal((await run()).exitCode, 0);
      await writeFile(path.join(cwd, "report.html"), "mine");
      const refused = await run();
      assert.equal(refused.exitCode, 2);
      assert.match(
        refused.stderr,
        /^error\[usage\]: There is a report\.html already, and it is not a report/,
      );
      assert.equal(await readFile(path.join(cwd, "report.html"), "utf8"), "mine");
      assert.equal((await run("--output", "report.html")).exitCode, 0);
      assert.equal((await stat(path.join(cwd, "report.html"))).mode & 0o777, 0o600);
      assert.match(
        failureOf(await run("--name", "nope", "--output", "-")),
        /There is no backup of "nope" .* It has backups of: cbm\./,
      );
      const { stdout } = await run("--output", "-");
      assert.equal(stdout.slice(0, 15), "<!doctype html>");
      assert.deepEqual((await readdir(cwd)).sort(), ["cbm", "report.html"], "nothing incomplete is left");
    } finally {
      await removeFolder(repository);
    }
  });
});
