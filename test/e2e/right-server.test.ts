import assert from "node:assert/strict";
import { chmod, writeFile } from "node:fs/promises";
import path from "node:path";
import { execa } from "execa";
import { failBackup, takeBackup } from "../support/backup";
import { docker, startServer, TestContainer } from "../support/container";
import { ownLabel, removeFolder, removeVolume, temporaryFolder, uniqueName } from "../support/resources";
import { refused, restored } from "../support/restore-fixture";
import { runRunner } from "../support/runner";

/** SQL by a way that the runner does not choose: the socket's folder, or an address, of the server that is meant. */
async function query(container: string, host: string, port: number, text: string, database = "postgres") {
  const connect = ["-h", host, "-p", String(port), "-U", "postgres", "-d", database];
  const psql = ["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", ...connect];
  const { stdout } = await execa("docker", ["exec", "-i", container, ...psql], { input: text });
  return stdout.trim();
}

const rowsOf = (text: string) => `CREATE TABLE p AS SELECT generate_series(1, ${text}) AS id`;
const defaultSocket = "/var/run/postgresql";

async function ready(container: string, ...more: string[]) {
  const { exitCode, stderr } = await runRunner(["ready", "--container", container, ...more]);
  assert.equal(exitCode, 0, stderr);
}

describe("the server that is meant", function () {
  this.timeout(180_000);
  const remains: TestContainer[] = [];
  const volumes: string[] = [];
  let folder: string;

  async function start(options: string[], command: string[] = [], env = ["POSTGRES_PASSWORD=test"]) {
    const container = new TestContainer();
    remains.push(container);
    await container.run([...options, ...env.flatMap((one) => ["--env", one])], command);
    return container.name;
  }

  before(async () => {
    folder = await temporaryFolder();
    await chmod(folder, 0o755);
  });
  after(async () => {
    for (const container of remains.toReversed()) await container.remove();
    for (const volume of volumes) await removeVolume(volume);
    await removeFolder(folder);
  });

  const expectBackup = async (container: string, rows: number, more: string[] = [], env = {}) => {
    const name = uniqueName();
    const options = { container, repository: folder, name, tables: ["p"], more, env };
    const { manifest, result } = await takeBackup({ ...options, more: ["--format", "custom", ...more] });
    assert.equal(manifest.tables[0]?.rows, rows);
    return { name, command: result.restoreCommand };
  };

  describe("in a network that another server shares", () => {
    let other: string;
    let meant: string;
    const socket = "/own socket";
    const there = (text: string, database?: string) => query(meant, socket, 5466, text, database);

    before(async () => {
      other = await startServer();
      remains.push(new TestContainer(other));
      await query(other, defaultSocket, 5432, rowsOf("3"));
      meant = await start(
        ["--init", "--network", `container:${other}`, "--env", "PGDATA=/srv/own data"],
        ["postgres", "-c", "port=5466"],
      );
      // The image's init scripts find the server by the default folder alone.
      await ready(meant);
      await query(meant, defaultSocket, 5466, `ALTER SYSTEM SET unix_socket_directories = '${socket}'`);
      await docker("exec", meant, "mkdir", "--mode=1777", socket);
      await docker("restart", meant);
    });

    it("is waited for, backed up, restored into and proven, though another one has the usual port", async function () {
      await ready(meant, "--timeout", "120");
      await there(rowsOf("500"));
      const { name, command } = await expectBackup(meant, 500, ["--verify", "restore"]);
      await there("CREATE DATABASE n");
      const { rows } = await restored({ container: meant, repository: folder, name, database: "n" });
      assert.equal(rows, 500);
      assert.equal(await there("SELECT count(*) FROM p", "n"), "500");
      assert.doesNotMatch(await query(other, defaultSocket, 5432, "SELECT datname FROM pg_database"), /^n$/m);
      await execa("bash", ["-euo", "pipefail", "-c", command]);
      assert.equal(await there("SELECT count(*) FROM p", "postgres_restored"), "500");
      await expectBackup(other, 3);
    });

    it("is not looked for in a container that only shares the network", async () => {
      const sidecar = await start(["--network", `container:${other}`, "--entrypoint", "sleep"], ["600"]);
      const options = { container: sidecar, repository: folder, tables: ["p"], more: ["--format", "custom"] };
      assert.match(
        await failBackup(options),
        /^error\[server-not-found\]: No PostgreSQL server runs in container/,
      );
    });
  });

  it("is reached as it is, whatever variables of libpq its container has", async () => {
    const volume = uniqueName();
    volumes.push(volume);
    await execa("docker", ["volume", "create", ...ownLabel, volume]);
    const data = ["--volume", `${volume}:/var/lib/postgresql/data`];
    // The image's own scripts would not find the server with them when they initialise the volume.
    const first = await start(data);
    await ready(first);
    await query(first, defaultSocket, 5432, `${rowsOf("7")}; CREATE DATABASE n`);
    await docker("rm", "--force", first);
    const meant = await start(
      data,
      [],
      [
        ...[
          "PGHOSTADDR=192.0.2.1",
          "PGSERVICE=other",
          "PGHOST=192.0.2.1",
          "PGPORT=1",
          "PGDATABASE=n",
          "PGUSER=nobody",
        ],
        ...[
          "PGSSLMODE=verify-full",
          "PGREQUIREPEER=nobody",
          "PGTARGETSESSIONATTRS=standby",
          "PGGSSENCMODE=require",
        ],
        ...[
          "PGOPTIONS=-c search_path=none",
          "PGCLIENTENCODING=LATIN1",
          "PGDATESTYLE=German",
          "PG_COLOR=always",
        ],
      ],
    );
    await ready(meant);
    const { name } = await expectBackup(meant, 7);
    const { rows } = await restored({ container: meant, repository: folder, name, database: "n" });
    assert.equal(rows, 7);
    const refusal = await failBackup({ container: meant, repository: folder, tables: ["missing"], more: [] });
    assert.doesNotMatch(refusal, /u001b/);
  });

  describe("whose socket another container took", () => {
    it("is reached by TCP, or not at all: never the other one", async () => {
      const volume = uniqueName();
      volumes.push(volume);
      await execa("docker", ["volume", "create", ...ownLabel, volume]);
      const shared = ["--volume", `${volume}:${defaultSocket}`];
      const meant = await start(shared);
      await ready(meant);
      await query(meant, "127.0.0.1", 5432, rowsOf("500"));
      const other = await start(shared);
      await ready(other);
      await query(other, "127.0.0.1", 5432, rowsOf("3"));
      assert.equal(await query(meant, defaultSocket, 5432, "SELECT count(*) FROM p"), "3");
      const { name } = await expectBackup(meant, 500);
      await query(meant, "127.0.0.1", 5432, "ALTER SYSTEM SET listen_addresses = ''");
      // The first process ends, and with it the container; whoever starts last has the socket.
      await docker("restart", meant);
      await ready(meant);
      await docker("restart", other);
      await ready(other);
      const options = { container: meant, repository: folder, tables: ["p"], more: ["--format", "custom"] };
      const said = await failBackup(options);
      assert.match(
        said,
        /^error\[server-not-found\]: The server of container .* cannot be reached: .* is another/,
      );
      const restore = await refused({
        container: meant,
        repository: folder,
        name,
        more: ["--if-exists", "replace"],
      });
      assert.match(restore, /^error\[server-not-found\]/);
      assert.equal(await query(other, "127.0.0.1", 5432, "SELECT count(*) FROM p"), "3");
    });
  });

  describe("that is on its first start", () => {
    it("is waited for, and not taken for the one that runs the init scripts", async () => {
      const script = path.join(folder, "slow.sh");
      await writeFile(script, "sleep 12\npsql -U postgres -qc 'CREATE TABLE last()'\n", { mode: 0o755 });
      const container = await start(
        ["--volume", `${script}:/docker-entrypoint-initdb.d/zz.sh:ro`],
        // The one that is to come has no TCP either.
        ["postgres", "-c", "listen_addresses="],
      );
      const socketAnswers = async () =>
        (await docker("exec", container, "psql", "-U", "postgres", "-c", "SELECT 1")).code === 0;
      while (!(await socketAnswers())) await new Promise((resolve) => setTimeout(resolve, 100));
      const options = { container, repository: folder, tables: ["last"], more: ["--format", "custom"] };
      assert.match(await failBackup(options), /^error\[server-not-ready\]: .* still initialising/);
      await ready(container, "--timeout", "120");
      assert.match((await docker("top", container)).output, /postgres -c listen_addresses=$/m);
      await takeBackup({ ...options, name: uniqueName() });
    });
  });

  describe("that asks for a password", () => {
    const password = "right-41c8d0";
    let container: string;
    const hba = async (...lines: string[]) => {
      const file = await query(container, defaultSocket, 5432, "SHOW hba_file");
      await execa("docker", ["exec", "-i", container, "sh", "-c", `cat >'${file}'`], {
        input: `${lines.join("\n")}\n`,
      });
      await query(container, defaultSocket, 5432, "SELECT pg_reload_conf()");
    };

    before(async () => {
      container = await startServer();
      remains.push(new TestContainer(container));
      await query(
        container,
        defaultSocket,
        5432,
        `${rowsOf("7")}; CREATE ROLE reader SUPERUSER LOGIN PASSWORD '${password}'`,
      );
    });

    const own = "local all postgres trust";
    for (const { title, lines } of [
      {
        title: "by TCP alone",
        lines: ["local all reader peer", "host all reader 127.0.0.1/32 scram-sha-256"],
      },
      {
        title: "on its socket alone",
        lines: ["local all reader scram-sha-256", "host all reader all reject"],
      },
      { title: "everywhere", lines: ["local all reader scram-sha-256", "host all reader all scram-sha-256"] },
    ])
      it(`is reached with it, ${title}; the command to restore takes it from the shell, and asks nobody`, async () => {
        await hba(own, ...lines);
        const { command } = await expectBackup(container, 7, ["--user", "reader"], { PGPASSWORD: password });
        assert.ok(!command.includes(password));
        const shell = (env: Record<string, string>) =>
          execa("bash", ["-euo", "pipefail", "-c", command], { env, reject: false, timeout: 20_000 });
        const without = await shell({});
        assert.ok(!without.timedOut && without.failed);
        assert.match(without.stderr, /no password supplied/);
        assert.doesNotMatch((await docker("top", container)).output, /createdb/);
        const given = await shell({ PGPASSWORD: password });
        assert.equal(given.exitCode, 0, given.stderr);
        assert.equal(
          await query(container, defaultSocket, 5432, "SELECT count(*) FROM p", "postgres_restored"),
          "7",
        );
        await query(container, defaultSocket, 5432, "DROP DATABASE postgres_restored");
      });

    it("is refused in the server's words without it", async () => {
      await hba(own, "local all reader scram-sha-256", "host all reader all scram-sha-256");
      const more = ["--format", "custom", "--user", "reader"];
      const said = await failBackup({ container, repository: folder, tables: ["p"], more });
      assert.match(said, /^error\[connection-refused\]: .*no password supplied/);
      assert.equal(said.match(/no password supplied/g)?.length, 1);
    });
  });

  describe("with another in its container", () => {
    it("is the one that PGPORT names; without that, neither is taken", async () => {
      const setUp = async (env: string[]) => {
        const container = await start([], [], ["POSTGRES_PASSWORD=test", ...env]);
        await ready(container);
        const second =
          "export PATH=$(echo /usr/lib/postgresql/*/bin):$PATH; initdb -N -A trust -D /tmp/second >/dev/null && " +
          "pg_ctl -D /tmp/second -o '-p 5499' -l /tmp/second.log -w start >/dev/null";
        await execa("docker", ["exec", "--user", "postgres", container, "bash", "-c", second]);
        return container;
      };
      const silent = await setUp([]);
      const options = { container: silent, repository: folder, tables: ["p"], more: ["--format", "custom"] };
      const said = await failBackup(options);
      assert.match(said, /^error\[server-not-found\]: 2 PostgreSQL servers run in container/);
      assert.match(
        said,
        /port 5432 with \/var\/lib\/postgresql\S*,? .*port 5499 with \/tmp\/second|port 5499 with \/tmp\/second, port 5432/,
      );
      const named = await setUp(["PGPORT=5444"]);
      await query(named, defaultSocket, 5444, rowsOf("5"));
      await expectBackup(named, 5);
    });
  });
});
