import {
  dumping,
  type Fixture,
  backupFixture,
  startBackup,
  takeBackup,
  ways,
} from "../support/backup-fixture";
import { endedBy, expectNoCrash, expectNothingLost, rememberBackups } from "../support/nothing-lost";

describe("a backup whose runner is told to end", function () {
  this.timeout(120_000);
  let fixture: Fixture;

  before(async () => {
    fixture = await backupFixture();
  });
  after(() => fixture.remove());

  for (const way of ways.filter(({ format, mounted }) => mounted === (format === "directory"))) {
    for (const signal of ["SIGINT", "SIGTERM", "SIGKILL"] as const) {
      it(`by ${signal} leaves no process, no session and no half backup (${way.title})`, async () => {
        const { container } = fixture;
        const args = { container, repository: fixture.repository(way), format: way.format };
        await takeBackup({ ...args, table: "small" });
        const before = await rememberBackups(container, args.repository);
        const { child, ended } = startBackup({ ...args, table: "large" });
        await dumping(container);
        child.kill(signal);
        await expectNothingLost(before, await ended, endedBy(signal));
      });
    }
  }

  it("never makes the server take one of its processes for a crashed backend", async () => {
    await expectNoCrash(fixture.container);
  });
});
