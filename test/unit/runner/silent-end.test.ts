import assert from "node:assert/strict";
import { chmod, writeFile } from "node:fs/promises";
import path from "node:path";
import { z } from "zod";
import type { ExecTarget } from "../../../runner/docker/exec";
import { Failure } from "../../../runner/lib/failure";
import { listArchive, readArchive } from "../../../runner/postgres/archive/archive";
import { countDataFiles } from "../../../runner/postgres/archive/data-files";
import { restoreArchive, runScript } from "../../../runner/postgres/archive/restore";
import { openSession } from "../../../runner/postgres/session/session";
import { onceOnly } from "../../../runner/repository/checksums";
import { removeFolder, temporaryFolder } from "../../support/resources";

const file = { path: "/archive", user: "0:0" };
const { signal } = new AbortController();
const restoreOptions = { format: "custom", database: "gis", jobs: 1 } as const;

const works: Record<string, (target: ExecTarget) => Promise<unknown>> = {
  "a session": (target) => openSession(target, signal).row("SELECT 1 AS x", z.object({ x: z.int() })),
  "the table of contents of an archive": (target) => listArchive(target, file, signal),
  "the reading of an archive": (target) => readArchive(target, file, signal),
  "the data files of an archive": (target) => countDataFiles(target, file, 1, signal),
  "prepare.sql": (target) => runScript(target, "prepare.sql", onceOnly(Buffer.from("SELECT 1;\n")), signal),
  "a restored archive": (target) => restoreArchive(target, file, restoreOptions, signal),
  "a restored script": (target) => runScript(target, "psql", onceOnly(Buffer.from("SELECT 1;\n")), signal),
};

/** A killed process leaves no words behind; what ran it is a docker command that is nobody's business. */
describe("a program in the container that ends without a word", () => {
  let folder: string;
  let target: ExecTarget;

  before(async () => {
    folder = await temporaryFolder();
    const docker = path.join(folder, "docker");
    await writeFile(docker, "#!/bin/sh\nexit 137\n");
    await chmod(docker, 0o755);
    target = { docker: { env: { PATH: folder } }, container: "c", env: { PGUSER: "u" }, secretEnv: [] };
  });
  after(() => removeFolder(folder));

  for (const [title, work] of Object.entries(works)) {
    it(`is told of by its exit code, without the docker command: ${title}`, async () => {
      await assert.rejects(work(target), (error: unknown) => {
        assert.ok(error instanceof Failure);
        assert.match(error.message, /it ended with exit code 137 and no message\.$/);
        assert.doesNotMatch(error.message, /docker|PGUSER/);
        return true;
      });
    });
  }
});
