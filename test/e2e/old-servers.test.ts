import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { execa } from "execa";
import { BackupResult } from "../../runner/request";
import { startServer } from "../support/container";
import { imageOf } from "../support/images";
import { removeContainer, removeFolder, sql, temporaryFolder } from "../support/resources";
import { runRunner } from "../support/runner";

const source = `
CREATE TYPE mood AS ENUM ('sad', 'ok');
CREATE FUNCTION positive(int) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT $1 > 0';
CREATE SEQUENCE shared;
CREATE TABLE "Parcels" (id int PRIMARY KEY DEFAULT nextval('shared'), m mood, x int CHECK (positive(x)), t timestamptz,
  status varchar(5) CHECK (status IN ('a', 'b')), g geometry(Polygon, 3035));
INSERT INTO "Parcels" (m, x, t, status, g)
  SELECT 'ok', i, now(), 'a', ST_SetSRID(ST_MakeEnvelope(i, i, i + 1, i + 2), 3035) FROM generate_series(1, 2000) i;
CREATE INDEX ON "Parcels" USING gist (g);
CREATE TABLE parted (y int, v text) PARTITION BY RANGE (y);
CREATE TABLE parted_2020 PARTITION OF parted FOR VALUES FROM (2020) TO (2021);
INSERT INTO parted SELECT 2020, i::text FROM generate_series(1, 100) i;`;

async function backup(container: string, folder: string, ...options: string[]) {
  return runRunner([
    ...["backup", "--container", container, "--table", "Parcels", "--table", "parted", "--json"],
    ...["--repository", folder, "--name", "old", ...options],
  ]);
}

for (const [version, method] of [
  ["13-3.1", "text"],
  ["15-3.3", "values"],
] as const) {
  describe(`PostgreSQL and PostGIS ${version}`, function () {
    this.timeout(120_000);
    let container: string;
    let folder: string;

    before(async function () {
      this.timeout(600_000);
      folder = await temporaryFolder();
      container = await startServer({ mount: folder, image: await imageOf(version) });
      await sql(container, source);
    });
    after(async () => {
      await removeContainer(container);
      await removeFolder(folder);
    });

    it("is backed up without compression, asked for as level 0 of gzip", async () => {
      const { exitCode, stdout, stderr } = await backup(container, folder, "--compression", "gzip:0");
      assert.equal(exitCode, 0, stderr);
      const { location } = BackupResult.parse(JSON.parse(stdout));
      const files = await readdir(path.join(location, "archive"));
      assert.ok(files.length > 1 && files.every((file) => file.endsWith(".dat")), files.join(" "));
    });

    for (const format of ["directory", "custom", "plain"]) {
      it(`is backed up and restored in the ${format} format, with gzip, which it knows`, async () => {
        const { exitCode, stdout, stderr } = await backup(
          container,
          folder,
          "--format",
          format,
          "--verify",
          "restore",
        );
        assert.equal(exitCode, 0, stderr);
        const { manifest, verification } = BackupResult.parse(JSON.parse(stdout));
        assert.equal(verification.level, "restore");
        const content = JSON.parse(await readFile(manifest, "utf8")) as Record<string, unknown>;
        assert.equal(content["compression"], "gzip:1");
        assert.equal(content["fingerprintMethod"], method);
      });
    }

    it("does not know zstd, and says so", async () => {
      const { exitCode, stdout } = await backup(container, folder, "--compression", "zstd:1");
      assert.equal(exitCode, 1);
      const { error } = JSON.parse(stdout) as { error: { code: string; message: string } };
      assert.equal(error.code, "compression-unsupported");
      assert.match(error.message, /^pg_dump 1\d in the container cannot compress with zstd/);
    });
  });
}

describe("a pg_dump that was built without zstd", function () {
  this.timeout(120_000);
  let container: string;
  let folder: string;

  before(async () => {
    folder = await temporaryFolder();
    container = await startServer({ mount: folder });
    await sql(container, source);
    // Says what such a build says, word for word.
    const wrapper = `#!/bin/bash
case "$*" in *--compress=zstd*) echo 'pg_dump: error: this build does not support compression with zstd' >&2; exit 1;; esac
exec "$(ls -d /usr/lib/postgresql/*/bin | tail -1)/pg_dump" "$@"
`;
    const file = "/usr/local/sbin/pg_dump";
    await execa("docker", ["exec", "-i", container, "sh", "-c", `cat >${file}; chmod +x ${file}`], {
      input: wrapper,
    });
  });
  after(async () => {
    await removeContainer(container);
    await removeFolder(folder);
  });

  it("compresses with gzip, unless it is told what it cannot", async () => {
    const { exitCode, stdout, stderr } = await backup(container, folder);
    assert.equal(exitCode, 0, stderr);
    const { location } = BackupResult.parse(JSON.parse(stdout));
    const { stdout: files } = await execa("ls", [path.join(location, "archive")]);
    assert.match(files, /\.dat\.gz$/m);
    const told = await backup(container, folder, "--compression", "zstd:3");
    assert.equal(told.exitCode, 1);
    assert.match(told.stdout, /"code":"compression-unsupported","message":"[^"]*was built without zstd/);
    assert.equal((await backup(container, folder, "--compression", "gzip:6")).exitCode, 0);
  });
});
