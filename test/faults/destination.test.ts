import assert from "node:assert/strict";
import { mkdir, readdir, rename, rm } from "node:fs/promises";
import path from "node:path";
import { execa } from "execa";
import {
  dumping,
  type Fixture,
  backupFixture,
  startBackup,
  tables,
  takeBackup,
  ways,
} from "../support/backup-fixture";
import { environment } from "../support/environment";
import { fakeDocker } from "../support/fake-docker";
import { removeFolder, temporaryFolder } from "../support/resources";
import { throwaways } from "../support/throwaways";
import { startMountedContainer } from "../../runner/verify";
import { expectNothingLost, rememberBackups } from "../support/nothing-lost";

describe("a throwaway container", () => {
  it("whose mounted folder goes before it starts ends at once", async function () {
    this.timeout(60_000);
    const parent = await temporaryFolder();
    const folder = path.join(parent, "cbm");
    await mkdir(folder);
    const { stdout: real } = await execa("sh", ["-c", "command -v docker"]);
    const fake = await fakeDocker(`[ "$1" != start ] || rm -r ${folder}; exec ${real} "$@"`);
    try {
      const { image } = await environment;
      const files = { location: folder, folder };
      assert.equal(
        await startMountedContainer(fake.docker, { image, files }, new AbortController().signal),
        undefined,
      );
      assert.deepEqual(await throwaways(parent), []);
    } finally {
      await fake.remove();
      await removeFolder(parent);
    }
  });
});

describe("a backup whose folder", function () {
  this.timeout(120_000);
  let fixture: Fixture;

  before(async () => {
    // The fault shows only at the end of the dump, which is therefore short.
    fixture = await backupFixture({ statements: tables(250_000) });
  });
  after(() => fixture.remove());

  /** The hidden folder of the one run that is in progress. */
  async function workFolder(nameFolder: string): Promise<string> {
    const name = (await readdir(nameFolder)).find((entry) => entry.endsWith(".partial"));
    if (name === undefined) throw new Error(`nothing is being written to ${nameFolder}`);
    return path.join(nameFolder, name);
  }

  for (const way of ways.filter(({ format, mounted }) => mounted === (format === "directory"))) {
    const args = (table: string) => ({
      container: fixture.container,
      repository: fixture.repository(way),
      format: way.format,
      table,
    });
    const nameFolder = () => path.join(fixture.repository(way), "cbm");

    async function strike(fault: () => Promise<unknown>) {
      await takeBackup(args("small"));
      const before = await rememberBackups(fixture.container, args("small").repository);
      const { ended } = startBackup(args("large"));
      await dumping(fixture.container);
      await fault();
      return { before, outcome: await ended };
    }

    it(`is removed while it is written says so (${way.title})`, async () => {
      const { before, outcome } = await strike(async () =>
        rm(await workFolder(nameFolder()), { recursive: true, maxRetries: 5 }),
      );
      await expectNothingLost(before, outcome, {
        code: "folder-not-writable",
        message: /Somebody removed or moved \S+\.partial/,
      });
    });

    // A plain archive that is streamed differs only in that nobody reads it again.
    if (way.format === "plain") continue;

    it(`is moved away says so (${way.title})`, async () => {
      const moved = `${nameFolder()}-moved`;
      const { before, outcome } = await strike(() => rename(nameFolder(), moved));
      try {
        await expectNothingLost(before, outcome, {
          code: "folder-not-writable",
          message: /Somebody removed or moved \S+\.partial/,
          nameFolder: moved,
          partial: "left",
        });
      } finally {
        await rename(moved, nameFolder());
        await rm(await workFolder(nameFolder()), { recursive: true });
      }
    });

    it(`is made read-only says so, and where the rest is (${way.title})`, async () => {
      try {
        const { before, outcome } = await strike(() => execa("chattr", ["+i", nameFolder()]));
        await expectNothingLost(before, outcome, {
          code: "folder-not-writable",
          message: /can no longer be written: .*not permitted.*Remove \S+\.partial, which is incomplete/s,
          partial: "left",
        });
      } finally {
        await execa("chattr", ["-i", nameFolder()]);
        await rm(await workFolder(nameFolder()), { recursive: true });
      }
    });
  }
});
