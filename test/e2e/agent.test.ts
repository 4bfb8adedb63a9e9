import assert from "node:assert/strict";
import { createServer } from "node:http";
import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { text } from "node:stream/consumers";
import { execa } from "execa";
import { backupIds, never, TestAgent } from "../support/agent";
import { startServer } from "../support/container";
import { removeContainer, removeFolder, sql, temporaryFolder, uniqueName } from "../support/resources";
import { failureOf, runnerMain, runRunner } from "../support/runner";
import { waitUntil } from "../support/wait";

describe("the agent", function () {
  this.timeout(240_000);
  let container: string;
  let folder: string;
  let repository: string;
  const agents: TestAgent[] = [];

  before(async () => {
    container = await startServer();
    await sql(container, "CREATE TABLE parcel_set AS SELECT g AS id FROM generate_series(1, 100) g");
  });
  beforeEach(async () => {
    folder = await temporaryFolder();
    repository = path.join(folder, "backups");
  });
  afterEach(async () => {
    await Promise.all(agents.splice(0).map((agent) => agent.stop()));
    await removeFolder(folder);
  });
  after(() => removeContainer(container));

  async function start(config: object, env?: Record<string, string>): Promise<TestAgent> {
    const agent = await TestAgent.start(folder, { repository, ...config }, env);
    agents.push(agent);
    return agent;
  }
  const job = (more: object = {}) => ({
    name: "cbm",
    source: { container },
    tables: ["parcel_set"],
    schedule: never,
    ...more,
  });

  it("takes the backup that was missed when it starts, once, and stock tools read it", async () => {
    const agent = await start({ jobs: [job()] });
    await agent.logged(/cbm: .* is complete/);
    assert.equal(await agent.stop(), 0, agent.log);
    const [id = "", ...others] = await backupIds(repository, "cbm");
    assert.deepEqual(others, []);
    const again = await start({ jobs: [job(), job({ name: "other" })] });
    await again.logged(/other: .* is complete/);
    assert.deepEqual(await backupIds(repository, "cbm"), [id]);
    const archive = await readFile(path.join(repository, "cbm", id, "archive.dump"));
    const { stdout } = await execa("docker", ["exec", "-i", container, "pg_restore", "--list"], {
      input: archive,
    });
    assert.match(stdout, /TABLE DATA public parcel_set/);
  });

  it("takes a backup each time that one is due", async () => {
    const agent = await start({ jobs: [job({ schedule: "*/4 * * * * *", retention: { keepLast: 2 } })] });
    await agent.logged(/is complete/, 4);
    await agent.stop();
    assert.equal((await backupIds(repository, "cbm")).length, 2, "the job's retention removed the others");
    const due = [...agent.log.matchAll(/due (\S+)\.\n/g)].map(([, time = ""]) => time);
    assert.equal(new Set(due).size, due.length, "none is taken twice for one time");
  });

  it("tries again when the container comes back, and says so", async () => {
    await execa("docker", ["stop", "--time", "5", container]);
    try {
      const agent = await start({ retry: { first: "1s" }, jobs: [job()] });
      await agent.logged(/error\[container-not-running\].*\n.*tried again at/);
      assert.deepEqual(await backupIds(repository, "cbm"), []);
      await execa("docker", ["start", container]);
      await agent.logged(/is complete/);
    } finally {
      await execa("docker", ["start", container]);
    }
  });

  it("backs up every container that carries a label, also one that comes later, and the service's by its name", async () => {
    const label = `${uniqueName()}.job=cbm`;
    const service = uniqueName();
    const [first, second] = await Promise.all([
      startServer({ options: ["--label", label] }),
      startServer({ options: ["--label", label, "--label", `com.docker.swarm.service.name=${service}`] }),
    ]);
    let third: string | undefined;
    try {
      for (const one of [first, second]) await sql(one, "CREATE TABLE parcel_set AS SELECT 1 AS id");
      const schedule = "*/5 * * * * *";
      const agent = await start({
        http: { address: "127.0.0.1:0" },
        jobs: [job({ source: { label }, schedule })],
      });
      await agent.logged(new RegExp(`cbm-${first}/\\S+ is complete`));
      await agent.logged(new RegExp(`cbm-${service}/\\S+ is complete`));
      third = await startServer({ options: ["--label", label] });
      await sql(third, "CREATE TABLE parcel_set AS SELECT 1 AS id");
      await agent.logged(new RegExp(`cbm-${third}/\\S+ is complete`));
      const page = await (await fetch(`${await agent.address()}/report`)).text();
      for (const one of [first, service, third])
        assert.ok(page.includes(`cbm-${one}`), "the report has all of them");
      const args = [
        "backup",
        "--container",
        service,
        "--repository",
        repository,
        "--name",
        "hand",
        "--table",
        "parcel_set",
      ];
      const { stderr, exitCode } = await runRunner(args);
      assert.equal(exitCode, 0, stderr);
      assert.match(stderr, new RegExp(`Service "${service}" runs here as container ${second}\\.`));
    } finally {
      for (const one of [first, second, third]) if (one !== undefined) await removeContainer(one);
    }
  });

  it("leaves a service that has no container here to others, and finds it when it comes", async () => {
    const service = uniqueName();
    const agent = await start({ jobs: [job({ source: { service } }), job({ name: "other" })] });
    await agent.logged(/other: .* is complete/);
    const one = await startServer({ options: ["--label", `com.docker.swarm.service.name=${service}`] });
    try {
      await sql(one, "CREATE TABLE parcel_set AS SELECT 1 AS id");
      await agent.logged(/cbm: .* is complete/);
      assert.doesNotMatch(agent.log, /error/);
    } finally {
      await removeContainer(one);
    }
  });

  it("reads a password from a file, and neither logs it nor passes it as an argument", async () => {
    const strict = await startServer({ ownData: true });
    const passwordFile = path.join(folder, "password");
    try {
      await sql(
        strict,
        "CREATE TABLE parcel_set AS SELECT 1 AS id; CREATE ROLE reader LOGIN PASSWORD 'very-secret'; GRANT SELECT ON parcel_set TO reader",
      );
      await execa("docker", [
        "exec",
        strict,
        "sh",
        "-c",
        "sed -i 's/ trust$/ scram-sha-256/' \"$PGDATA/pg_hba.conf\"",
      ]);
      await execa("docker", ["exec", "--user", "postgres", strict, "sh", "-c", 'pg_ctl reload -D "$PGDATA"']);
      await writeFile(passwordFile, "wrong\n");
      const source = { container: strict, user: "reader", passwordFile: "password" };
      const agent = await start({ retry: { first: "2s" }, jobs: [job({ source })] });
      await agent.logged(/error\[connection-refused\].*password/s);
      await writeFile(passwordFile, "very-secret\n");
      await agent.logged(/is complete/);
      assert.doesNotMatch(agent.log, /very-secret/);
    } finally {
      await removeContainer(strict);
    }
  });

  it("runs commands before and after: in the container and on its host", async () => {
    const written = path.join(folder, "after");
    const agent = await start({
      jobs: [
        job({
          before: [{ command: ["psql", "-U", "postgres", "-c", "CREATE TABLE IF NOT EXISTS by_hook ()"] }],
          after: [
            {
              command: ["sh", "-c", `echo "$POSTGIS_BACKUP_RESULT $POSTGIS_BACKUP_LOCATION" > ${written}`],
              on: "host",
            },
          ],
        }),
        job({ name: "refused", before: [{ command: ["sh", "-c", "echo no disk; exit 7"] }] }),
        job({ name: "slow", before: [{ command: ["sleep", "1000"], timeout: "1s" }] }),
        job({
          name: "broken",
          tables: ["nope"],
          after: [{ command: ["sh", "-c", `echo $POSTGIS_BACKUP_RESULT > ${written}2`], on: "host" }],
        }),
      ],
    });
    await agent.logged(/cbm: .* is complete/);
    await agent.logged(/refused: error\[hook-failed\]: .*exit status 7.\n.*no disk/);
    await agent.logged(/slow: error\[hook-failed\]: .*longer than 1s/);
    await agent.logged(/broken: error\[table-not-found\]/);
    const [id = ""] = await backupIds(repository, "cbm");
    // The command runs after the backup is told to be complete.
    const afterSuccess = () => readFile(written, "utf8").catch(() => "");
    await waitUntil("the command after the backup", async () => (await afterSuccess()).endsWith("\n"));
    assert.equal(await afterSuccess(), `success ${path.join(repository, "cbm", id)}\n`);
    assert.equal(await readFile(`${written}2`, "utf8"), "failure\n");
    assert.equal(await sql(container, "SELECT to_regclass('by_hook')"), "by_hook");
    for (const name of ["refused", "slow", "broken"]) assert.deepEqual(await backupIds(repository, name), []);
    const { stdout } = await execa("docker", ["top", container]);
    assert.doesNotMatch(stdout, /sleep 1000/);
  });

  it("verifies, and restores in a test, by schedules of their own, and tells a damage", async () => {
    const agent = await start({ jobs: [job({ verify: never })] });
    await agent.logged(/Verification of cbm: nothing is wrong/);
    await agent.stop();
    const [id = ""] = await backupIds(repository, "cbm");
    await rm(path.join(repository, "cbm", id, "verification-archive.json"));
    const archive = path.join(repository, "cbm", id, "archive.dump");
    const content = await readFile(archive);
    content[content.length - 20] = (content.at(-20) ?? 0) ^ 1;
    await writeFile(archive, content);
    const next = await start({ jobs: [job({ verify: never, restoreTest: never })] });
    await next.logged(/cbm: error\[checksum-mismatch\]/, 2);
  });

  it("ends by SIGTERM in the middle of a backup, with exit status 0, and leaves nothing", async () => {
    await sql(
      container,
      "CREATE TABLE IF NOT EXISTS large AS SELECT g, md5(g::text) || md5((-g)::text) AS x FROM generate_series(1, 800000) g",
    );
    const agent = await start({ jobs: [job({ tables: ["large"], compression: "gzip:9" })] });
    const sessions = () =>
      sql(
        container,
        "SELECT count(*) FROM pg_stat_activity WHERE application_name ~ 'pg_dump|postgis-backup'",
      );
    await waitUntil("a session of pg_dump", async () => Number(await sessions()) > 0);
    assert.equal(await agent.stop(), 0, agent.log);
    assert.match(agent.log, /The agent has stopped\.\n$/);
    assert.deepEqual(await backupIds(repository, "cbm"), []);
    const left = await readdir(path.join(repository, "cbm")).catch(() => []);
    assert.deepEqual(
      left.filter((name) => name !== "latest"),
      [],
    );
    await waitUntil("no session is left", async () => (await sessions()) === "0", 10);
  });

  it("reads its configuration again on SIGHUP, and keeps the old one if the new one is wrong", async () => {
    const agent = await start({ jobs: [job()] });
    await agent.logged(/cbm: .* is complete/);
    await writeFile(agent.file, JSON.stringify({ repository, jobs: [job({ schedule: "nonsense" })] }));
    agent.signal("SIGHUP");
    await agent.logged(/schedule must be a cron line.*\n.*goes on with the configuration that it has/);
    await writeFile(agent.file, JSON.stringify({ repository, jobs: [job(), job({ name: "new" })] }));
    agent.signal("SIGHUP");
    await agent.logged(/new: .* is complete/);
    assert.equal((await backupIds(repository, "cbm")).length, 1);
  });

  it("serves its health, metrics and a report, and tells webhooks and dead man's switches", async () => {
    const received: { path: string; body: string }[] = [];
    let refusals = 1;
    const server = createServer((request, response) => {
      void text(request).then((body) => {
        const refuse = request.url === "/hook" && refusals-- > 0;
        if (!refuse) received.push({ path: request.url ?? "", body });
        response.writeHead(refuse ? 503 : 200).end();
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    try {
      await writeFile(path.join(folder, "ping"), `${base}/secret-uuid\n`);
      const notify = { webhook: `${base}/hook`, pingFile: "ping" };
      const agent = await start({
        http: { address: "127.0.0.1:0" },
        jobs: [
          job({ notify }),
          job({
            name: "broken",
            tables: ["nope"],
            notify: { webhook: "http://127.0.0.1:9/x", ping: `${base}/other` },
          }),
        ],
      });
      const address = await agent.address();
      await agent.logged(/cbm: .* is complete/);
      await agent.logged(/broken: error/);
      assert.equal(await (await fetch(`${address}/healthz`)).text(), "ok\n");
      assert.equal((await fetch(`${address}/nothing`)).status, 404);
      const metrics = async () => (await fetch(`${address}/metrics`)).text();
      await waitUntil(
        "the metrics of both jobs",
        async () =>
          /newest_rows\{backup_job="cbm",name="cbm",database="postgres"\} 100\n/.test(await metrics()) &&
          /newest_timestamp_seconds\{backup_job="broken",name="broken",database="postgres"\} 0\n/.test(
            await metrics(),
          ),
      );
      const found = await metrics();
      assert.match(found, /last_run_success\{backup_job="cbm",kind="backup"\} 1\n/);
      assert.match(found, /last_run_success\{backup_job="broken",kind="backup"\} 0\n/);
      assert.match(found, /period_seconds\{backup_job="cbm",kind="backup"\} 31536000\n/);
      assert.match(await (await fetch(`${address}/report`)).text(), /^<!doctype html>[^]*cbm/);
      await waitUntil("all notifications", () => received.length >= 6);
      const paths = received.map((one) => one.path).sort();
      assert.deepEqual(paths, [
        "/hook",
        "/hook",
        "/other/fail",
        "/other/start",
        "/secret-uuid",
        "/secret-uuid/start",
      ]);
      const events = received
        .filter((one) => one.path === "/hook")
        .map((one) => JSON.parse(one.body) as Record<string, unknown>);
      assert.deepEqual(events.map(({ event }) => event).sort(), ["start", "success"]);
      const [success] = events.filter(({ event }) => event === "success");
      assert.equal(success?.["version"], 1);
      assert.match((success["backup"] as { location: string }).location, /\/cbm\/\d{8}T\d{6}Z$/);
      assert.doesNotMatch(agent.log, /secret-uuid/);
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });

  it("says all that is wrong with its configuration before anything starts", async () => {
    const file = path.join(folder, "wrong.yaml");
    const wrong = {
      repository,
      jobs: [
        job({ schedule: "61 * * * *", tabels: [] }),
        job({ source: { container, databse: "x" } }),
        { ...job(), name: undefined },
      ],
    };
    await writeFile(file, JSON.stringify(wrong));
    const { exitCode, stderr } = await runRunner(["agent", "--config", file]);
    assert.equal(exitCode, 2);
    assert.deepEqual(
      stderr
        .trim()
        .split("\n")
        .map((line) => line.replace(/^.*wrong\.yaml: /, ""))
        .sort(),
      [
        "job 3: name is missing",
        'job cbm: schedule must be a cron line such as "30 2 * * *", not "61 * * * *": invalid value for minute: 61',
        "job cbm: source.databse is unknown. Did you mean database?",
        "job cbm: tabels is unknown. Did you mean tables?",
        "jobs must each have a name of their own, but two are called cbm",
      ],
    );
    assert.match(failureOf(await runRunner(["agent"]), 2), /--config is missing/);
  });

  it("has a status, which ends with exit status 1 when something is overdue", async () => {
    const agent = await start({ jobs: [job()] });
    await agent.logged(/cbm: .* is complete/);
    await agent.stop();
    const status = (...more: string[]) => execa("node", [runnerMain, "status", ...more], { reject: false });
    const good = await status(repository, "--max-age", "1h");
    assert.equal(good.exitCode, 0, good.stderr);
    assert.match(good.stdout, /^NAME .*\ncbm +postgres +\d{8}T\d{6}Z /);
    assert.equal((await status("--agent", agent.file)).exitCode, 0);
    const old = await status(repository, "--max-age", "1s", "--json");
    assert.equal(old.exitCode, 1);
    assert.equal((JSON.parse(old.stdout) as { statuses: { overdue: boolean }[] }).statuses[0]?.overdue, true);
    await writeFile(agent.file, JSON.stringify({ repository, jobs: [job(), job({ name: "never-run" })] }));
    const jobs = await status("--agent", agent.file);
    assert.equal(jobs.exitCode, 1);
    assert.match(jobs.stdout, /never-run .*OVERDUE/);
    assert.doesNotMatch(jobs.stdout, /^cbm.*OVERDUE/m);
    const textfile = path.join(folder, "backup.prom");
    assert.equal(
      (await runRunner(["metrics", "--repository", repository, "--textfile", textfile])).exitCode,
      0,
    );
    assert.match(
      await readFile(textfile, "utf8"),
      /postgis_backup_newest_rows\{backup_job="cbm",name="cbm",database="postgres"\} 100\n/,
    );
  });
});
