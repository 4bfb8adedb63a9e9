import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { appendFile, cp, mkdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { text } from "node:stream/consumers";
import { execa } from "execa";
import { restorePolicy } from "../../components/backup-bucket/policies";
import { runningContainer } from "../../runner/docker/container";
import { directDocker } from "../../runner/docker/docker";
import { type FailureCode, failureCodes } from "../../runner/lib/failure";
import { root } from "../../setup/paths";
import { dumping, sessionRunning, slowTables } from "../support/backup-fixture";
import { never, TestAgent } from "../support/agent";
import { TestBucket } from "../support/bucket";
import { userWith } from "../support/bucket-user";
import { docker, startServer, TestContainer } from "../support/container";
import { environment } from "../support/environment";
import { flipBit, reseal } from "../support/damage";
import { startStandby } from "../support/hot-standby";
import { startPair } from "../support/migration-pair";
import {
  freePort,
  ownLabel,
  removeContainer,
  removeFolder,
  removeVolume,
  sql,
  temporaryFolder,
  uniqueName,
} from "../support/resources";
import { runnerMain, runRunner } from "../support/runner";
import { startS3Proxy } from "../support/s3-proxy";
import { type S3Server, startS3Server } from "../support/s3-server";
import { waitUntil } from "../support/wait";
import { withMigrationLock } from "../../runner/migrate/docker-record";

/** Programs that a container finds before its own `pg_dump`; `$real` is that one. */
const imitations = {
  old: `case "$*" in *--version*) echo "pg_dump (PostgreSQL) 9.6.24";; *) exec "$real" "$@";; esac`,
  failing: `case "$*" in *--version*) exec "$real" "$@";; *) echo "pg_dump: error: out of memory" >&2; exit 1;; esac`,
  forgetful: `for a; do shift; case "$a" in --table=*years*) ;; *) set -- "$@" "$a";; esac; done; exec "$real" "$@"`,
};

const codesIn = (stderr: string) =>
  [...stderr.matchAll(/^error\[([a-z0-9-]+)\]: ./gm)].map(([, code]) => code);

describe("every error", function () {
  this.timeout(120_000);
  let container: string;
  let repository: string;
  let complete: string;
  let s3: S3Server;

  before(async () => {
    s3 = await startS3Server();
    repository = await temporaryFolder();
    container = await startServer({ mount: repository });
    await sql(
      container,
      `CREATE TABLE parent (id int PRIMARY KEY); CREATE TABLE child (id int REFERENCES parent, word text); CREATE VIEW seen AS SELECT 1;
       CREATE TABLE loose (id int); INSERT INTO loose VALUES (7); CREATE TABLE private (id int); CREATE ROLE reader LOGIN;
       CREATE TABLE years (y int) PARTITION BY LIST (y); CREATE TABLE part PARTITION OF years FOR VALUES IN (2026); INSERT INTO part VALUES (2026);`,
    );
    await backup("parent", "--format", "plain", "--compression", "none");
    complete = path.join(repository, "cbm", "latest");
  });
  after(async () => {
    await removeContainer(container);
    await removeFolder(repository);
    await s3.stop();
  });

  const place = (name = "cbm") => ["--repository", repository, "--name", name];
  const arguments_ = (table: string, ...more: string[]) => [
    "backup",
    "--container",
    container,
    "--table",
    table,
    ...place(),
    ...more,
  ];

  async function backup(table: string, ...more: string[]): Promise<string> {
    return (await runRunner(arguments_(table, ...more))).stderr;
  }
  const run = async (args: string[], env: Record<string, string> = {}) => (await runRunner(args, env)).stderr;

  /** A copy of the complete backup under a name of its own. */
  async function copied(): Promise<{ name: string; folder: string }> {
    const name = uniqueName();
    const id = path.basename(
      await readFile(path.join(complete, "manifest.json"), "utf8").then(
        (text) => (JSON.parse(text) as { id: string }).id,
      ),
    );
    const folder = path.join(repository, name, id);
    await cp(path.join(repository, "cbm", id), folder, { recursive: true });
    await reseal(folder, (manifest) => {
      manifest.name = name;
    });
    return { name, folder };
  }
  const verify = (name: string, ...more: string[]) => run(["verify", ...place(name), "latest", ...more]);

  const listBucket = (...more: string[]) =>
    run(["list", "--repository", `s3://${uniqueName()}/cbm`, ...s3.options, ...more], s3.environment);
  const migration = (from = container, to = container) => [
    ...["migrate", "--container", from, "--to-container", to],
    ...place(),
  ];

  /** A restore of the complete backup over the table that it was taken of, to which another one refers. */
  const restore = (...more: string[]) => run(["restore", "--container", container, ...place(), ...more]);

  /** Runs a backup in a container whose pg_dump is another. */
  async function withDump(
    imitation: keyof typeof imitations,
    table: string,
    ...more: string[]
  ): Promise<string> {
    const file = "/usr/local/bin/pg_dump";
    const script = `#!/bin/sh\nreal=$(PATH=\${PATH#/usr/local/bin:} command -v pg_dump | grep -v ^${file} || ls /usr/lib/postgresql/*/bin/pg_dump)\n${imitations[imitation]}\n`;
    await execa("docker", ["exec", "-i", container, "sh", "-c", `cat > ${file} && chmod +x ${file}`], {
      input: script,
    });
    try {
      return await backup(table, ...more);
    } finally {
      await docker("exec", container, "rm", file);
    }
  }

  /** Does something while another transaction holds a lock on a table and the backup waits for it. */
  async function whileWaiting(
    action: (child: ReturnType<typeof spawn>) => Promise<unknown>,
    in_ = container,
    ...more: string[]
  ): Promise<string> {
    const hold = [
      "psql",
      "-X",
      "-q",
      "-h",
      "127.0.0.1",
      "-U",
      "postgres",
      "-c",
      "BEGIN; LOCK TABLE loose; SELECT pg_sleep(60)",
    ];
    const holder = spawn("docker", ["exec", in_, ...hold], { stdio: "ignore" });
    const sleeping = "SELECT pid FROM pg_stat_activity WHERE wait_event = 'PgSleep'";
    while ((await sql(in_, sleeping)) === "") await new Promise((resolve) => setTimeout(resolve, 50));
    const pid = await sql(in_, sleeping);
    const args = [
      "backup",
      "--container",
      in_,
      "--table",
      "loose",
      ...place(),
      "--format",
      "custom",
      ...more,
    ];
    const child = spawn("node", [runnerMain, ...args], { stdio: ["ignore", "ignore", "pipe"] });
    let stderr = "";
    child.stderr.on("data", (data: Buffer) => (stderr += data.toString()));
    const closed = new Promise((resolve) => child.once("close", resolve));
    await sessionRunning(in_, "LOCK TABLE%");
    await action(child);
    await closed;
    await sql(in_, `SELECT pg_terminate_backend(${pid})`).catch(() => undefined);
    holder.kill();
    return stderr;
  }

  async function preflight(more: Record<string, unknown>, last?: object): Promise<string> {
    const request = {
      container: uniqueName(),
      owner: "o",
      hostAddress: "127.0.0.1",
      port: await freePort(),
      ...more,
    };
    return (
      await execa("node", [runnerMain, "preflight", ...(last ? ["--again"] : []), "--request", "-"], {
        input: JSON.stringify(request),
        env: { PULUMI_COMMAND_STDOUT: JSON.stringify(last) },
        reject: false,
      })
    ).stderr;
  }

  const image = async () => (await environment).image;

  /** What an agent says about the run of its only job. */
  async function agentSays(
    code: FailureCode,
    more: object,
    disturb: (agent: TestAgent) => Promise<void> = () => Promise.resolve(),
  ): Promise<string> {
    const job = { name: uniqueName(), source: { container }, tables: ["parent"], schedule: never, ...more };
    const agent = await TestAgent.start(await temporaryFolder(), { repository, jobs: [job] });
    try {
      await disturb(agent);
      await agent.logged(new RegExp(`error\\[${code}\\]`));
    } finally {
      await agent.stop();
      await removeFolder(path.dirname(agent.file));
    }
    return agent.log.replaceAll(`${job.name}: `, "");
  }

  const raise: Record<FailureCode, () => Promise<string>> = {
    usage: () => run(["backup", "--container", container]),
    interrupted: () => whileWaiting((child) => Promise.resolve(child.kill("SIGTERM"))),
    "output-not-written": async () => {
      const full = openSync("/dev/full", "w");
      const child = spawn("node", [runnerMain, "list", ...place()], { stdio: ["ignore", full, "pipe"] });
      closeSync(full);
      return child.stderr === null ? "" : text(child.stderr);
    },
    "docker-missing": async () => {
      const { stderr } = await execa(process.execPath, [runnerMain, ...arguments_("parent")], {
        reject: false,
        env: { PATH: "/nonexistent" },
      });
      return stderr;
    },
    "docker-unreachable": () => backup("parent", "--docker-host", "unix:///nonexistent.sock"),
    "docker-failed": () => backup("parent", "--docker-host", "gopher://nowhere"),
    "image-missing": async () => {
      const { name, folder } = await copied();
      await reseal(folder, ({ source }) => {
        source.imageDigest = `postgis@sha256:${"0".repeat(64)}`;
      });
      return verify(name, "--level", "restore");
    },
    "container-not-found": () => run([...arguments_("parent"), "--container", uniqueName()]),
    "container-not-running": async () => {
      const name = uniqueName();
      const { output } = await docker("inspect", "--format={{.Config.Image}}", container);
      await docker("create", "--name", name, "--label", "postgis-backup.test=0", output);
      try {
        return await run([...arguments_("parent"), "--container", name]);
      } finally {
        await removeContainer(name);
      }
    },
    "container-lost": async () => {
      const victim = await startServer();
      try {
        await sql(victim, "CREATE TABLE loose ()");
        return await whileWaiting(() => docker("kill", victim), victim);
      } finally {
        await removeContainer(victim);
      }
    },
    "container-name-taken": () => preflight({ container }),
    "volume-not-owned": async () => {
      const volume = uniqueName();
      await docker("volume", "create", ...ownLabel, volume);
      return preflight({ volume }).finally(() => removeVolume(volume));
    },
    "volume-not-kept": async () => {
      const volume = uniqueName();
      await docker("volume", "create", ...ownLabel, "--label", "postgis-backup.owner=o", volume);
      const last = { owner: "o", adopted: [], volume };
      return preflight({ volume: uniqueName(), keepData: false }, last).finally(() => removeVolume(volume));
    },
    "port-in-use": async () => {
      const taken = await startServer({ options: ["--publish", "127.0.0.1::5432"] });
      try {
        const { output } = await docker("port", taken, "5432/tcp");
        return await preflight({ port: Number(output.split(":").at(-1)) });
      } finally {
        await removeContainer(taken);
      }
    },
    "image-not-available": () => preflight({ image: uniqueName() }),
    "image-unsuitable": async () =>
      preflight({ image: await image(), environment: { PGDATA: "/elsewhere" } }),
    "data-unsuitable": async () => {
      const volume = uniqueName();
      const made = "mkdir /v/global && echo 9.6 >/v/PG_VERSION && touch /v/global/pg_control";
      await docker("volume", "create", ...ownLabel, volume);
      await docker(
        "run",
        "--rm",
        "--volume",
        `${volume}:/v`,
        "--entrypoint",
        "sh",
        await image(),
        "-c",
        made,
      );
      return preflight({ image: await image(), volume, adopt: `unlabelled:${volume}` }).finally(() =>
        removeVolume(volume),
      );
    },
    "settings-refused": async () => preflight({ image: await image(), settings: { work_mem: "much" } }),
    "network-unsuitable": () => preflight({ network: uniqueName() }),
    "init-script-not-readable": () => preflight({ initScripts: [path.join(repository, "missing.sql")] }),
    "address-invalid": () => preflight({ hostAddress: "192.0.2.1" }),
    "server-not-ready": async () => {
      const idle = new TestContainer();
      await idle.run(["--entrypoint", "sleep"], ["60"]);
      try {
        return await run(["ready", "--container", idle.name, "--timeout", "1"]);
      } finally {
        await idle.remove();
      }
    },
    "password-not-set": () => run(["ready", "--container", container], { PGPASSWORD: "two\nlines" }),
    "server-not-found": async () => {
      const shares = new TestContainer();
      try {
        await shares.run(["--network", `container:${container}`, "--entrypoint", "sleep"], ["60"]);
        return await run([...arguments_("parent", "--format", "custom"), "--container", shares.name]);
      } finally {
        await shares.remove();
      }
    },
    "connection-refused": () => backup("parent", "--user", "nobody"),
    "server-error": () =>
      backup("child", "--table", "parent", "--logical-foreign-key", "child.word -> parent.id"),
    "pg-dump-too-old": () => withDump("old", "parent"),
    "compression-unsupported": () => backup("parent", "--format", "plain", "--compression", "lz4"),
    "table-name-invalid": () => backup('a"b'),
    "table-not-found": () => backup("nothing"),
    "not-a-table": () => backup("seen"),
    "nothing-selected": () => backup("parent", "--exclude-table", "*"),
    "privilege-missing": () => backup("private", "--user", "reader"),
    "reference-outside-selection": () => backup("child"),
    "not-carried": async () => {
      await sql(container, "CREATE TABLE of_view (row seen)");
      return backup("of_view");
    },
    "logical-foreign-key-invalid": () => backup("loose", "--logical-foreign-key", "loose -> parent"),
    "orphans-over-limit": () =>
      backup(
        "loose",
        "--table",
        "parent",
        "--logical-foreign-key",
        "loose.id -> parent.id",
        "--max-orphans",
        "0",
      ),
    "lock-timeout": () => whileWaiting(() => Promise.resolve(), container, "--lock-timeout", "2"),
    "tables-changing": async () => {
      await sql(
        container,
        `CREATE PROCEDURE grow() LANGUAGE plpgsql AS $$ DECLARE i int := 0; BEGIN
           LOOP i := i + 1; EXECUTE 'CREATE TABLE grown_' || i || ' ()'; COMMIT; PERFORM pg_sleep(0.005); END LOOP; END $$`,
      );
      const call = ["psql", "-X", "-q", "-h", "127.0.0.1", "-U", "postgres", "-c", "CALL grow()"];
      const growing = spawn("docker", ["exec", container, ...call], { stdio: "ignore" });
      while ((await sql(container, "SELECT count(*) FROM pg_tables WHERE tablename LIKE 'grown%'")) === "0")
        await new Promise((resolve) => setTimeout(resolve, 50));
      const stderr = await backup("grown_*");
      await sql(
        container,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'CALL grow%'",
      );
      growing.kill();
      return stderr;
    },
    "standby-conflict": async () => {
      const pair = await startStandby({
        mount: repository,
        prepare: (primary) => sql(primary, slowTables),
        settings: { max_standby_streaming_delay: "0" },
      });
      try {
        const slow = arguments_("large", "--compression", "gzip:9", "--container", pair.standby);
        const running = run(slow);
        await dumping(pair.standby);
        await sql(pair.primary, "ALTER TABLE large ADD COLUMN more int");
        return await running;
      } finally {
        await pair.remove();
      }
    },
    "folder-not-writable": () => backup("parent", "--repository", "/etc/hostname/x", "--format", "custom"),
    "folder-not-readable": () => run(["list", "--repository", "/nonexistent"]),
    "folder-not-mounted": async () => {
      const elsewhere = await temporaryFolder();
      try {
        return await backup("parent", "--repository", elsewhere, "--format", "directory");
      } finally {
        await removeFolder(elsewhere);
      }
    },
    "space-insufficient": async () => {
      const small = path.join(repository, uniqueName());
      await mkdir(small);
      await execa("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", small]);
      try {
        await sql(
          container,
          "CREATE TABLE wide AS SELECT repeat('x', 1000) AS x FROM generate_series(1, 3000); ANALYZE wide",
        );
        return await backup("wide", "--repository", small, "--format", "custom", "--compression", "none");
      } finally {
        await execa("umount", [small]);
      }
    },
    "backup-in-progress": async () => {
      let second = "";
      await whileWaiting(async (first) => {
        second = await backup("loose", "--format", "custom");
        first.kill("SIGTERM");
      });
      return second;
    },
    "bucket-not-found": () => listBucket(),
    "s3-denied": () =>
      run(["list", "--repository", "s3://backups", ...s3.options], {
        ...s3.environment,
        AWS_SECRET_ACCESS_KEY: "wrong",
      }),
    "s3-unreachable": async () => listBucket("--s3-endpoint", `http://127.0.0.1:${await freePort()}`),
    "s3-failed": () => listBucket("--s3-region", "us-west-2"),
    "s3-unsupported": async () => {
      const [bucket, { name, folder }] = await Promise.all([TestBucket.create(s3), copied()]);
      await bucket.putBackup(folder);
      const refusal = { status: 501, code: "NotImplemented", message: "If-None-Match is not implemented" };
      const proxy = await startS3Proxy(s3.endpoint, ({ headers }) =>
        headers["if-none-match"] === undefined ? undefined : refusal,
      );
      try {
        const more = ["latest", "--name", name, "--s3-endpoint", proxy.endpoint];
        return (await bucket.run("keep", more)).stderr;
      } finally {
        proxy.stop();
      }
    },
    "upload-failed": async () => {
      const bucket = await TestBucket.create(s3);
      const uploading = ["--name", uniqueName(), "--copy", bucket.url(), ...s3.options];
      return run(arguments_("parent", ...uploading), await userWith(bucket, restorePolicy));
    },
    "dump-failed": () => withDump("failing", "parent"),
    "row-too-large": async () => {
      await sql(
        container,
        "CREATE TABLE huge (b bytea COMPRESSION lz4); INSERT INTO huge VALUES (convert_to(repeat(repeat('x', 1000000), 600), 'SQL_ASCII'))",
      );
      try {
        const stderr = await backup("huge");
        assert.match(stderr, /A row of public\.huge has more than 1 GB/);
        return stderr;
      } finally {
        await sql(container, "DROP TABLE huge");
      }
    },
    // It has no rows of its own, so that no count of rows lacks any.
    "archive-incomplete": () => withDump("forgetful", "years"),
    "checksum-mismatch": async () => {
      const { name, folder } = await copied();
      await flipBit(path.join(folder, "archive.sql"));
      return verify(name);
    },
    "manifest-unreadable": async () => {
      const { name, folder } = await copied();
      await writeFile(path.join(folder, "manifest.json"), "{");
      return run(["verify", ...place(name), path.basename(folder)]);
    },
    "script-unsafe": async () => {
      const { name, folder } = await copied();
      await appendFile(path.join(folder, "prepare.sql"), "\\! id\n");
      await reseal(folder);
      return verify(name);
    },
    "restore-failed": async () => {
      const { name, folder } = await copied();
      const archive = path.join(folder, "archive.sql");
      await writeFile(
        archive,
        (await readFile(archive, "utf8")).replace("integer NOT NULL", "integer NOT NUL"),
      );
      await reseal(folder);
      return verify(name, "--level", "restore");
    },
    "restore-mismatch": async () => {
      const { name, folder } = await copied();
      await reseal(folder, ({ tables }) => {
        for (const table of tables) table.constraints = [];
      });
      return verify(name, "--level", "restore");
    },
    "restore-in-progress": async () => {
      const key = "hashtextextended('postgis-backup restore', 0)";
      const hold = `SELECT pg_advisory_lock(${key}), pg_sleep(60)`;
      const holder = spawn("docker", ["exec", container, "psql", "-U", "postgres", "-c", hold], {
        stdio: "ignore",
      });
      const waiting = "SELECT pid FROM pg_stat_activity WHERE wait_event = 'PgSleep'";
      while ((await sql(container, waiting)) === "") await new Promise((resolve) => setTimeout(resolve, 50));
      const stderr = await restore();
      await sql(container, `SELECT pg_terminate_backend(${await sql(container, waiting)})`);
      holder.kill();
      return stderr;
    },
    "table-exists": () => restore(),
    "requirement-missing": async () => {
      const { name, folder } = await copied();
      await reseal(folder, ({ requires }) => {
        requires.roles = ["nobody"];
      });
      return restore("--name", name);
    },
    "dependent-object": () => restore("--if-exists", "replace"),
    "database-in-use": async () => {
      const name = uniqueName();
      const small = uniqueName().replaceAll("-", "_");
      await sql(container, `CREATE DATABASE ${small} TEMPLATE template0`);
      await run([
        "backup",
        "--container",
        container,
        "--database",
        small,
        "--all",
        "--format",
        "custom",
        ...place(name),
      ]);
      const hold = ["exec", container, "psql", "-U", "postgres", "-d", small, "-c", "SELECT pg_sleep(60)"];
      const holder = spawn("docker", hold, { stdio: "ignore" });
      const waiting = `SELECT pid FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = '${small}'`;
      while ((await sql(container, waiting)) === "") await new Promise((resolve) => setTimeout(resolve, 50));
      const stderr = await run(["restore", "--container", container, "--database", small, ...place(name)]);
      await sql(container, `SELECT pg_terminate_backend(${await sql(container, waiting)})`);
      holder.kill();
      return stderr;
    },
    "migration-in-progress": async () => {
      const daemon = directDocker(undefined);
      const request = { toContainer: container, toUser: "postgres", toDatabase: "postgres" };
      const server = { docker: daemon, container: await runningContainer(daemon, container), request };
      return withMigrationLock(server, new AbortController().signal, () => run(migration()));
    },
    "port-not-switchable": () => run(migration()),
    "left-behind": async () => {
      const pair = await startPair("CREATE TABLE parent (id int); CREATE VIEW seen AS SELECT 1");
      try {
        return await run(migration(pair.oldServer, pair.newServer));
      } finally {
        await pair.remove();
      }
    },
    "already-migrated": async () => {
      const { output: from } = await docker("inspect", "--format={{.Id}}", container);
      const result = {
        backupId: "",
        location: "",
        tables: [],
        tableCount: 0,
        rows: 0,
        notes: [],
        removed: [],
      };
      const record = JSON.stringify({ from, volumes: [], result });
      await sql(container, `ALTER DATABASE postgres SET postgis_backup.migrated_from = '${record}'`);
      const stderr = await run(migration());
      await sql(container, "ALTER DATABASE postgres RESET postgis_backup.migrated_from");
      return stderr;
    },
    "old-server-needed": () => run(["remove-old", "--container", uniqueName(), "--to-container", container]),
    "backup-not-found": () => verify("none"),
    "tar-invalid": () => run(["import", path.join(root, "README.md"), "--repository", repository]),
    "backup-exists": async () => {
      const { name, folder } = await copied();
      const tar = path.join(repository, `${name}.tar`);
      await run(["export", tar, ...place(name)]);
      await flipBit(path.join(folder, "archive.sql"));
      return run(["import", tar, "--repository", repository]);
    },
    "hook-failed": () => agentSays("hook-failed", { before: [{ command: ["false"], on: "host" }] }),
    // A database's image is none of an agent.
    "agent-not-ready": async () => {
      const input = JSON.stringify({ name: container, mode: "container" });
      const args = [runnerMain, "agent-ready", "--request", "-"];
      return (await execa("node", args, { input, reject: false })).stderr;
    },
    "run-died": () =>
      agentSays("run-died", {}, (agent) =>
        waitUntil("the process of the backup", async () => {
          const { exitCode } = await execa(
            "pkill",
            ["-KILL", "-P", String(agent.pid), "-f", "backup --request"],
            { reject: false },
          );
          return exitCode === 0;
        }),
      ),
    "backup-too-small": async () => {
      await backup("parent", "--name", "shrinking", "--format", "custom", "--compression", "none");
      await sql(
        container,
        "CREATE TABLE IF NOT EXISTS big AS SELECT repeat('x', 1000) AS x FROM generate_series(1, 3000)",
      );
      await runRunner([
        "backup",
        "--container",
        container,
        "--table",
        "big",
        ...place("dropping"),
        "--compression",
        "none",
      ]);
      await runRunner([
        "backup",
        "--container",
        container,
        "--table",
        "loose",
        ...place("dropping"),
        "--compression",
        "none",
      ]);
      return run(["prune", ...place("dropping"), "--keep-last", "1", "--min-size-ratio", "0.5"]);
    },
  };

  for (const code of failureCodes) {
    it(`can be raised, by its code and without a stack trace: ${code}`, async () => {
      const stderr = await raise[code]();
      assert.deepEqual([...new Set(codesIn(stderr))], [code], stderr);
      assert.ok(!/\n\s+at /.test(stderr), stderr);
    });
  }

  it("is in docs/errors.md, and nothing else is", async () => {
    const page = await readFile(path.join(root, "docs", "errors.md"), "utf8");
    const listed = [...page.matchAll(/^\| `([a-z0-9-]+)` \| .+ \| .+ \|$/gm)].map(([, code]) => code);
    assert.deepEqual(listed.toSorted(), [...failureCodes].toSorted());
  });
});
