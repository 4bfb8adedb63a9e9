import { execa } from "execa";
import {
  backupFixture,
  compareQuery,
  type Fixture,
  sessionRunning,
  startBackup,
  tables,
  takeBackup,
  terminateSession,
} from "../support/backup-fixture";
import { endedBy, expectNoCrash, expectNothingLost, rememberBackups } from "../support/nothing-lost";

describe("a backup that compares a table with the last one", function () {
  this.timeout(180_000);
  let fixture: Fixture;
  let args: Parameters<typeof startBackup>[0];

  before(async () => {
    const more = ["--full-every", "7d", "--compression", "zstd:1"];
    fixture = await backupFixture({ statements: tables(3_000_000) });
    const repository = fixture.repository({ mounted: true });
    args = { container: fixture.container, repository, table: "large", more };
    await takeBackup(args);
  });
  after(() => fixture.remove());

  const begin = async () => {
    const before = await rememberBackups(fixture.container, args.repository);
    const run = startBackup(args);
    await sessionRunning(fixture.container, compareQuery);
    return { before, ...run };
  };

  for (const signal of ["SIGINT", "SIGKILL"] as const) {
    it(`leaves the last one as it was, and nothing behind, after ${signal}`, async () => {
      const { before, child, ended } = await begin();
      child.kill(signal);
      await expectNothingLost(before, await ended, endedBy(signal));
    });
  }

  it("fails in the server's words when that session is ended", async () => {
    const { before, ended } = await begin();
    await terminateSession(fixture.container, `query LIKE '${compareQuery}'`);
    await expectNothingLost(before, await ended, {
      code: "server-error",
      message: /administrator command|server closed the connection/,
    });
  });

  it("leaves the last one as it was when the folder cannot take the new name", async () => {
    const nameFolder = `${args.repository}/cbm`;
    const { before, ended } = await begin();
    try {
      await execa("chattr", ["+i", nameFolder]);
      await expectNothingLost(before, await ended, {
        code: "folder-not-writable",
        message: /can no longer be written: .*not permitted/s,
        partial: "left",
      });
    } finally {
      await execa("chattr", ["-i", nameFolder]);
    }
  });

  it("never makes the server take one of its processes for a crashed backend", async () => {
    await expectNoCrash(fixture.container);
  });
});
