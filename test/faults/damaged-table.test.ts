import { execa } from "execa";
import {
  type BackupArguments,
  type Fixture,
  backupFixture,
  startBackup,
  takeBackup,
} from "../support/backup-fixture";
import { TestContainer } from "../support/container";
import { environment } from "../support/environment";
import { expectNothingLost, rememberBackups } from "../support/nothing-lost";
import { ownLabel, sql } from "../support/resources";

describe("a backup of a table with a damaged page", function () {
  this.timeout(120_000);
  let fixture: Fixture;
  let args: BackupArguments;

  before(async () => {
    fixture = await backupFixture({
      ownData: true,
      statements:
        "CREATE TABLE small AS SELECT 1 AS x; CREATE TABLE damaged AS SELECT generate_series(1, 100000) AS g",
    });
    const { container } = fixture;
    args = { container, repository: fixture.repository({ mounted: true }), table: "small" };
    await takeBackup(args);
    const folder = await sql(container, "SHOW data_directory");
    const file = await sql(container, "CHECKPOINT; SELECT pg_relation_filepath('damaged')");
    await execa("docker", ["stop", container]);
    const dd = ["if=/dev/urandom", `of=${folder}/${file}`, "bs=8192", "seek=7", "count=1", "conv=notrunc"];
    const { image } = await environment;
    await execa("docker", [
      ...["run", "--rm", ...ownLabel, "--volumes-from", container, "--entrypoint", "dd", image, ...dd],
    ]);
    await execa("docker", ["start", container]);
    await new TestContainer(container).ready();
  });
  after(() => fixture.remove());

  it("fails in the server's words", async () => {
    const before = await rememberBackups(args.container, args.repository);
    const outcome = await startBackup({ ...args, table: "damaged" }).ended;
    const code = outcome.stderr.includes("[dump-failed]") ? "dump-failed" : "server-error";
    await expectNothingLost(before, outcome, { code, message: /invalid page in block 7 of relation base/ });
  });
});
