import assert from "node:assert/strict";
import { rm } from "node:fs/promises";
import path from "node:path";
import { execa } from "execa";
import { takeBackup } from "../support/backup";
import { sessionRunning } from "../support/backup-fixture";
import { startServer, TestContainer } from "../support/container";
import { untilNothingRemains } from "../support/nothing-lost";
import {
  mountDisk,
  removeContainer,
  removeDisk,
  removeFolder,
  sql,
  temporaryFolder,
} from "../support/resources";
import { refused, remainsOf, restored } from "../support/restore-fixture";
import { restoredTables, rowsOf, stateOf, usedDatabase } from "../support/used-database";

const data = "/var/lib/postgresql/data";

/** A server with a disk of its own, and backups of two of its tables. Needs the right to mount. */
class SmallServer {
  private constructor(
    readonly container: string,
    readonly backups: string,
    private readonly disk: string,
  ) {}

  static async start(...options: string[]): Promise<SmallServer> {
    const disk = await mountDisk(1000);
    const backups = await temporaryFolder();
    const mount = ["--mount", `type=bind,source=${disk},target=${data}`];
    const container = await startServer({ mount: backups, ownData: true, options: [...mount, ...options] });
    await sql(container, restoredTables(500_000));
    for (const format of ["directory", "plain"])
      await takeBackup({
        ...{ container, repository: backups, name: format, tables: ["small", "large"] },
        more: ["--format", format],
      });
    return new SmallServer(container, backups, disk);
  }

  /** Leaves so many MiB free. */
  async fill(left: number): Promise<void> {
    const free = `$(df -P -m ${data} | tail -n 1 | tr -s " " | cut -d " " -f 4)`;
    const script = `dd if=/dev/zero of=${data}/filler oflag=append conv=notrunc bs=1M count=$((${free} - ${left} + 1))`;
    await execa("docker", ["exec", this.container, "sh", "-c", script], { reject: false });
  }

  async empty(): Promise<void> {
    await rm(path.join(this.disk, "filler"));
  }

  /** What restores the tables into a database that has others of their names. */
  replacing(database: string, name: string, ...more: string[]) {
    const options = ["--if-exists", "replace", ...more];
    return { container: this.container, repository: this.backups, database, name, more: options };
  }

  async remove(): Promise<void> {
    await removeContainer(this.container);
    await removeFolder(this.backups);
    await removeDisk(this.disk);
  }
}

describe("a restore into a server whose disk has no room", function () {
  this.timeout(300_000);
  let server: SmallServer;
  before(async () => {
    server = await SmallServer.start("--env", "POSTGRES_INITDB_WALDIR=/var/lib/postgresql/wal");
  });
  after(() => server.remove());

  const nothingRemains = (database: string) =>
    untilNothingRemains(() => remainsOf(server.container, [database]));

  for (const [title, name, ...more] of [
    ["files of rows", "directory"],
    ["a script", "plain"],
    ["rows for tables that exist", "directory", "--data-only"],
  ] as const) {
    it(`for all rows any more says so, changes nothing, and can be run again (${title})`, async () => {
      const database = `gis_${name}_${more.length}`;
      const before = await usedDatabase(server.container, database);
      const options = server.replacing(database, name, ...more);
      // So that what remains is filled faster than the rows come.
      await server.fill(200);
      const failing = refused(options);
      await sessionRunning(server.container, "COPY %large% FROM %", database);
      await server.fill(0);
      const stderr = await failing;
      await server.empty();
      assert.match(
        stderr,
        /^error\[space-insufficient\]: The disk of .* is full: .*No space left on device/s,
      );
      assert.equal(await stateOf(server.container, database), before, stderr);
      await nothingRemains(database);
      await restored(options);
      assert.equal(await rowsOf(server.container, database), await rowsOf(server.container));
      await nothingRemains(database);
      await sql(server.container, `DROP DATABASE ${database}`);
    });
  }

  it("is refused before any row is read, but not where the selected tables fit", async () => {
    const before = await usedDatabase(server.container, "small_enough");
    await server.fill(40);
    try {
      for (const more of [[], ["--dry-run"], ["--data-only"]]) {
        const stderr = await refused(server.replacing("small_enough", "directory", ...more));
        assert.match(
          stderr,
          /^error\[space-insufficient\]: .* has [\d.]+ MB free, and the tables take at least [\d.]+ MB with their indexes/,
        );
        assert.equal(await stateOf(server.container, "small_enough"), before);
        await nothingRemains("small_enough");
      }
      await restored(server.replacing("small_enough", "directory", "--table", "small"));
    } finally {
      await server.empty();
    }
  });
});

describe("a restore into a server whose log has no room", function () {
  this.timeout(300_000);
  let server: SmallServer;
  before(async () => {
    server = await SmallServer.start();
  });
  after(() => server.remove());

  it("fails with the server, changes nothing, and can be run again when that has room", async () => {
    const { container } = server;
    const before = await usedDatabase(container, "gis");
    const options = server.replacing("gis", "plain");
    const failing = refused(options);
    await sessionRunning(container, "COPY %large% FROM %", "gis");
    await server.fill(0);
    assert.match(
      await failing,
      /^error\[(space-insufficient|container-lost|server-error|restore-failed)\]: /,
    );
    // A server that cannot write its log crashes, and may not recover before there is room.
    await server.empty();
    await execa("docker", ["start", container]);
    await new TestContainer(container).ready();
    assert.equal((await stateOf(container, "gis")).split("\n")[0], before.split("\n")[0]);
    await restored(options);
    assert.equal(await rowsOf(container, "gis"), await rowsOf(container));
    await untilNothingRemains(() => remainsOf(container, ["gis"]));
  });
});
