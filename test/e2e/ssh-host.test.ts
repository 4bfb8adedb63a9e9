import assert from "node:assert/strict";
import { once } from "node:events";
import net from "node:net";
import path from "node:path";
import { agentImage } from "../../setup/agent-image";
import { TestAgent } from "../support/agent";
import { readManifest, takeBackup } from "../support/backup";
import {
  backupFixture,
  dumping,
  type Fixture,
  startBackup,
  takeBackup as takeOne,
} from "../support/backup-fixture";
import { docker } from "../support/container";
import {
  endedBy,
  expectNothingLost,
  expectOneMessage,
  rememberBackups,
  untilNothingRemains,
} from "../support/nothing-lost";
import { ownLabel, removeFolder, sql, temporaryFolder, uniqueName } from "../support/resources";
import { failureOf, runRunner } from "../support/runner";
import { SshHost } from "../support/ssh-host";

const tables = Array.from({ length: 16 }, (_, index) => `parcel_${index}`);

/** An sshd drops connections when ten others have not logged in yet. */
describe("a Docker daemon that is reached by ssh", function () {
  this.timeout(600_000);
  let fixture: Fixture;
  let host: SshHost;
  let folder: string;
  const label = `pgb-ssh=${uniqueName()}`;

  before(async () => {
    host = await SshHost.start();
    fixture = await backupFixture({ options: ["--label", label] });
    const created = tables.map(
      (table) =>
        `CREATE TABLE ${table} AS SELECT g AS id, md5(g::text) AS hash FROM generate_series(1, 1000) g;`,
    );
    await sql(fixture.container, created.join("\n"));
  });
  beforeEach(async () => {
    folder = await temporaryFolder();
  });
  afterEach(async () => {
    await removeFolder(folder);
  });
  after(async () => {
    await host.remove();
    await fixture.remove();
  });

  const streamed = { format: "custom" };
  const options = (on: SshHost, name: string) => ({
    ...{ container: fixture.container, repository: path.join(folder, "backups"), name },
    ...{ tables: ["parcel_*"], more: ["--jobs", "8"], env: on.env },
  });

  it("takes backups with many jobs, several at once, each over one connection", async () => {
    const before = await host.accepted();
    const names = ["a", "b", "c", "d"];
    const taken = await Promise.all(names.map((name) => takeBackup(options(host, name))));
    for (const { result } of taken) assert.equal(result.tables.length, tables.length);
    assert.equal((await host.accepted()) - before, names.length);
    assert.doesNotMatch(await host.log(), /MaxStartups|drop connection/);
    await untilNothingRemains(() => host.remains());
  });

  it("restores and verifies over one connection each", async () => {
    const { result } = await takeBackup(options(host, "cbm"));
    assert.ok(!JSON.stringify(readManifest(result)).includes("docker.sock"));
    const before = await host.accepted();
    await sql(fixture.container, "CREATE DATABASE elsewhere");
    const where = ["--container", fixture.container, "--database", "elsewhere"];
    const restored = await runRunner(["restore", result.location, ...where, "--jobs", "8"], host.env);
    assert.equal(restored.exitCode, 0, restored.stderr);
    assert.equal(await sql(fixture.container, "SELECT count(*) FROM parcel_15", "elsewhere"), "1000");
    const verified = await runRunner(["verify", result.location, "--level", "restore"], host.env);
    assert.equal(verified.exitCode, 0, verified.stderr);
    assert.equal((await host.accepted()) - before, 2);
    await untilNothingRemains(() => host.remains());
  });

  it("takes the socket that the address names, or that the host's docker uses", async () => {
    const other = await SshHost.start({
      sockets: ["/opt/a.sock"],
      sshd: ["SetEnv=DOCKER_HOST=unix:///opt/a.sock"],
    });
    try {
      const found = await takeBackup(options(other, "found"));
      assert.equal(found.result.tables.length, tables.length);
      assert.equal(await other.accepted(), 2);
      const env = { ...other.env, DOCKER_HOST: `${other.url}/opt/a.sock` };
      const named = await takeBackup({ ...options(other, "named"), env });
      assert.equal(named.result.tables.length, tables.length);
      assert.equal(await other.accepted(), 3);
      await untilNothingRemains(() => other.remains());
    } finally {
      await other.remove();
    }
  });

  it("does without a forwarded socket where the host forbids it", async () => {
    const strict = await SshHost.start({ sshd: ["AllowStreamLocalForwarding=no"] });
    try {
      const { result } = await takeBackup({
        ...options(strict, "cbm"),
        tables: ["parcel_1"],
        more: ["--jobs", "1"],
      });
      assert.equal(result.tables.length, 1);
      assert.ok((await strict.accepted()) > 3, "a call has a connection of its own");
      await untilNothingRemains(() => strict.remains());
    } finally {
      await strict.remove();
    }
  });

  it("says which host does not let this program in", async () => {
    // On a host of its own: sshd shuts out for a while who failed to log in.
    const refusing = await SshHost.start();
    try {
      const env = { ...refusing.env, DOCKER_HOST: refusing.url.replace("root@", "nobody-there@") };
      const what = ["--container", fixture.container, "--table", "parcel_1"];
      const args = ["backup", ...what, "--repository", folder, "--name", "x"];
      const failure = failureOf(await runRunner(args, env));
      assert.match(failure, /^error\[docker-unreachable\]: [^]*127\.0\.0\.1[^]*Permission denied/);
      await untilNothingRemains(() => refusing.remains());
    } finally {
      await refusing.remove();
    }
  });

  it("is interrupted at once while it connects", async () => {
    const silent = net.createServer().listen(0, "127.0.0.1");
    await once(silent, "listening");
    const env = { ...host.env, DOCKER_HOST: `ssh://127.0.0.1:${(silent.address() as net.AddressInfo).port}` };
    const args = { ...streamed, container: fixture.container, repository: folder, table: "small" };
    try {
      const { child, ended } = startBackup(args, env);
      await once(silent, "connection");
      const struck = performance.now();
      child.kill("SIGINT");
      expectOneMessage(await ended, endedBy("SIGINT"));
      assert.ok(performance.now() - struck < 10_000, "the runner waited for the host");
      await untilNothingRemains(() => host.remains());
    } finally {
      silent.close();
    }
  });

  it("leaves nothing when the runner is killed", async () => {
    const args = {
      ...streamed,
      container: fixture.container,
      repository: fixture.repository({ mounted: false }),
    };
    await takeOne({ ...args, table: "small" });
    const before = await rememberBackups(fixture.container, args.repository);
    const { child, ended } = startBackup({ ...args, table: "large" }, host.env);
    await dumping(fixture.container);
    child.kill("SIGKILL");
    await expectNothingLost(before, await ended, endedBy("SIGKILL"));
    await untilNothingRemains(() => host.remains());
  });

  it("ends a backup whose connection is lost, names the host, and leaves nothing", async () => {
    const args = {
      ...streamed,
      container: fixture.container,
      repository: fixture.repository({ mounted: false }),
    };
    const doomed = await SshHost.start();
    try {
      await takeOne({ ...args, table: "small" });
      const before = await rememberBackups(fixture.container, args.repository);
      const { ended } = startBackup({ ...args, table: "large" }, doomed.env);
      await dumping(fixture.container);
      await doomed.kill();
      const outcome = await ended;
      const message = new RegExp(`The ssh connection to the Docker daemon at ${doomed.url} has ended`);
      await expectNothingLost(before, outcome, { code: "docker-unreachable", message });
      assert.doesNotMatch(outcome.stderr, /docker\.sock/);
      await untilNothingRemains(() => doomed.remains());
    } finally {
      await doomed.remove();
    }
  });

  it("serves an agent, which connects again when it was cut off", async () => {
    const { PATH = "", TMPDIR = "" } = host.env;
    const job = {
      name: "cbm",
      source: { label, dockerHost: host.url },
      tables: ["small"],
      schedule: "*/3 * * * * *",
    };
    const config = { repository: path.join(folder, "backups"), jobs: [job] };
    const before = await host.accepted();
    const agent = await TestAgent.start(folder, config, { PATH, TMPDIR });
    try {
      await agent.logged(/is complete/, 2);
      const runs = agent.log.match(/: Backup of /g)?.length ?? 0;
      const connections = (await host.accepted()) - before;
      assert.ok(connections <= runs + 1, `${connections} connections for ${runs} runs`);
      await host.restart();
      const complete = agent.log.match(/is complete/g)?.length ?? 0;
      await agent.logged(/is complete/, complete + 2);
    } finally {
      await agent.stop();
    }
    assert.doesNotMatch(agent.log, /docker\.sock/);
    await untilNothingRemains(() => host.remains());
  });

  it("is reached from the agent's image, with keys that are mounted", async () => {
    const before = await host.accepted();
    const ran = await docker(
      ...["run", "--rm", "--network", "host", ...ownLabel, "--env", `DOCKER_HOST=${host.url}`],
      ...["--volume", `${host.keys}:/root/.ssh:ro`, agentImage],
      ...[
        "backup",
        "--container",
        fixture.container,
        "--repository",
        "/tmp/b",
        "--name",
        "x",
        "--table",
        "small",
      ],
    );
    assert.equal(ran.code, 0, ran.output);
    assert.equal((await host.accepted()) - before, 1);
  });
});
