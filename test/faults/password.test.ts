import { execa } from "execa";
import { type BackupArguments, type Fixture, backupFixture, startBackup } from "../support/backup-fixture";
import { expectNothingLost, rememberBackups } from "../support/nothing-lost";
import { sql } from "../support/resources";

const password = "right-3f9ab1";
const wrong = "wrong-7c2d4e";

describe("a backup from a server that asks for a password", function () {
  this.timeout(120_000);
  let fixture: Fixture;
  let args: BackupArguments;

  before(async () => {
    fixture = await backupFixture({ statements: "CREATE TABLE small AS SELECT 1 AS x" });
    const repository = fixture.repository({ mounted: true });
    args = { container: fixture.container, repository, table: "small", more: ["--user", "reader"] };
    await sql(fixture.container, `CREATE ROLE reader LOGIN SUPERUSER PASSWORD '${password}'`);
    // Only for this role: the tests' own sessions come as postgres.
    const rules = "host all reader 127.0.0.1/32 scram-sha-256\\nlocal all reader scram-sha-256";
    const file = await sql(fixture.container, "SHOW hba_file");
    await execa("docker", ["exec", fixture.container, "sed", "-i", `1i ${rules}`, file]);
    await sql(fixture.container, "SELECT pg_reload_conf()");
  });
  after(() => fixture.remove());

  it("succeeds with the right one, and tells it nobody", async () => {
    const { exitCode, stdout, stderr } = await startBackup(args, { PGPASSWORD: password }).ended;
    if (exitCode !== 0 || `${stdout}${stderr}`.includes(password)) throw new Error(stderr);
  });

  for (const { title, env, message } of [
    { title: "none", env: {} as Record<string, string>, message: /no password supplied/ },
    {
      title: "a wrong one",
      env: { PGPASSWORD: wrong },
      message: /password authentication failed for user "reader"/,
    },
  ]) {
    it(`fails with ${title} in the server's words`, async () => {
      const before = await rememberBackups(fixture.container, args.repository);
      const outcome = await startBackup(args, env).ended;
      await expectNothingLost(before, outcome, {
        code: "connection-refused",
        message,
        secrets: [wrong, password],
      });
    });
  }
});
