import assert from "node:assert/strict";
import path from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { PostgisContainer, type PostgisContainerArgs, TableBackup } from "../../../components";
import { defaultSettings } from "../../../components/postgis-container/server-settings";
import { type Registered, secret, settled, startMocks, unknownOutput, valueOf } from "./mocks";

async function declare(args: PostgisContainerArgs, options: Parameters<typeof startMocks>[0] = {}) {
  const registered = await startMocks(options);
  const database = new PostgisContainer("db", args);
  await settled();
  const child = (name: string): Registered => {
    const found = registered.find((resource) => resource.name === name);
    assert.ok(found, `${name} is not registered`);
    return found;
  };
  return { database, registered, child };
}

describe("PostgisContainer", () => {
  it("restores a backup into a new volume, once, and is ready after that", async () => {
    const { database, child } = await declare({ password: "p", restoreFrom: "./backups/cbm/latest" });
    const { stdin, ...rest } = child("db-restore").inputs;
    assert.deepEqual(JSON.parse(String(stdin)), {
      location: "./backups/cbm/latest",
      container: "db",
      user: "postgres",
      database: "postgres",
      ifExists: "skip",
      missingRoles: "create",
    });
    assert.deepEqual(rest["triggers"], ["db-data"], "a change of the backup restores nothing");
    assert.equal(rest["update"], 'printf %s "$PULUMI_COMMAND_STDOUT"');
    assert.deepEqual(await valueOf(database.connection), {
      container: "db",
      user: "postgres",
      database: "postgres",
    });
  });

  it("declares exactly these children", async () => {
    const { registered } = await declare({ password: "p" });
    assert.deepEqual(registered.map(({ type, name }) => `${name} ${type}`).sort(), [
      "db postgis-backup:index:PostgisContainer",
      "db-container docker:index/container:Container",
      "db-preflight command:local:Command",
      "db-ready command:local:Command",
      "db-volume docker:index/volume:Volume",
    ]);
  });

  it("is, as a standby, on an internal network of its own, and asks for no free port", async () => {
    const { child } = await declare({ password: "p", standby: true, network: "net" });
    const { labels, ...network } = child("db-standby").inputs;
    assert.deepEqual(network, { name: "db-standby", internal: true });
    assert.ok(labels);
    const { networksAdvanced, ports } = child("db-container").inputs;
    assert.deepEqual(networksAdvanced, [{ name: "db-standby" }]);
    assert.deepEqual(ports, [{ internal: 5432, external: 5433, ip: "127.0.0.1" }]);
    const request = JSON.parse(String(child("db-preflight").inputs["stdin"])) as Record<string, unknown>;
    assert.equal(request["port"], undefined);
  });

  it("gives the container exactly these inputs by default", async () => {
    const { child } = await declare({ password: "p" });
    const { command, healthcheck, ...inputs } = child("db-container").inputs;
    assert.deepEqual(inputs, {
      name: "db",
      image: "postgis/postgis:17-3.5",
      envs: [
        "POSTGRES_USER=postgres",
        "POSTGRES_DB=postgres",
        "POSTGRES_PASSWORD_FILE=/run/postgis-backup/password",
      ],
      uploads: secret([{ file: "/run/postgis-backup/password", content: "p", permissions: "0444" }]),
      ports: [{ internal: 5432, external: 5433, ip: "127.0.0.1" }],
      mounts: [{ type: "volume", source: "db-data", target: "/var/lib/postgresql/data" }],
      labels: [{ label: "postgis-backup.owner", value: "acme/postgis-backup/test/db" }],
      shmSize: 1024,
      restart: "unless-stopped",
      mustRun: false,
      stopSignal: "SIGINT",
      stopTimeout: 120,
      destroyGraceSeconds: 120,
    });
    assert.deepEqual((command as string[]).slice(0, 3), ["postgres", "-c", "shared_buffers=1GB"]);
    assert.deepEqual(healthcheck, {
      tests: ["CMD", "pg_isready", "--host=127.0.0.1", "--username=postgres", "--dbname=postgres"],
      interval: "10s",
      timeout: "5s",
      retries: 6,
      startPeriod: "10m0s",
    });
  });

  it("passes every setting on", async () => {
    const { child } = await declare({
      password: "p",
      image: "postgis/postgis:18-3.6",
      containerName: "pg_spat",
      hostAddress: "0.0.0.0",
      port: 6000,
      database: "gis",
      user: "cbm",
      volumeName: "vol",
      backupDirectory: "backups",
      initScripts: ["init/a.sql", "/srv/b.sh"],
      environment: { TZ: "UTC" },
      settings: { shared_buffers: "8GB", jit: "off" },
      memory: 2048,
      shmSize: 64,
      network: "net",
      labels: { team: "gis" },
    });
    const inputs = child("db-container").inputs;
    const command = inputs["command"] as string[];
    assert.ok(command.includes("shared_buffers=8GB") && command.includes("jit=off"));
    assert.ok(!command.includes("shared_buffers=1GB"));
    assert.deepEqual(inputs["mounts"], [
      { type: "volume", source: "vol", target: "/var/lib/postgresql" },
      { type: "bind", source: path.resolve("backups"), target: "/backups" },
      {
        type: "bind",
        source: path.resolve("init/a.sql"),
        target: "/docker-entrypoint-initdb.d/a.sql",
        readOnly: true,
      },
      { type: "bind", source: "/srv/b.sh", target: "/docker-entrypoint-initdb.d/b.sh", readOnly: true },
    ]);
    assert.deepEqual(inputs["envs"], [
      "TZ=UTC",
      "POSTGRES_USER=cbm",
      "POSTGRES_DB=gis",
      "POSTGRES_PASSWORD_FILE=/run/postgis-backup/password",
    ]);
    assert.deepEqual(inputs["ports"], [{ internal: 5432, external: 6000, ip: "0.0.0.0" }]);
    assert.deepEqual(inputs["networksAdvanced"], [{ name: "net" }]);
    assert.deepEqual([inputs["memory"], inputs["memorySwap"], inputs["shmSize"]], [2048, 4096, 64]);
    assert.deepEqual(inputs["labels"], [
      { label: "team", value: "gis" },
      { label: "postgis-backup.owner", value: "acme/postgis-backup/test/db" },
    ]);
    assert.deepEqual(child("db-volume").inputs, { name: "vol", labels: inputs["labels"] });
  });

  it("asks the runner for a preflight, then waits with the password in the environment alone", async () => {
    const { child } = await declare({
      password: "geheim",
      port: 6000,
      backupDirectory: "b",
      environment: { TZ: "UTC", API_KEY: "k" },
    });
    const preflight = child("db-preflight").inputs;
    const request = {
      container: "db",
      keepData: true,
      hostAddress: "127.0.0.1",
      port: 6000,
      backupDirectory: "b",
      image: "postgis/postgis:17-3.5",
      user: "postgres",
      database: "postgres",
      volume: "db-data",
      dataFolder: "/var/lib/postgresql/data",
      settings: defaultSettings,
      variables: ["TZ", "API_KEY"],
      environment: { TZ: "UTC" },
      shmSize: 1024,
    };
    assert.deepEqual(JSON.parse(String(preflight["stdin"])), request);
    assert.deepEqual(preflight["triggers"], [], "it is never replaced, because it keeps the owner");
    assert.equal(preflight["update"], `${String(preflight["create"])} --again`);
    assert.deepEqual(preflight["environment"], {});
    const ready = child("db-ready").inputs;
    assert.equal(ready["create"], ready["update"]);
    assert.deepEqual(JSON.parse(String(ready["stdin"])), {
      container: "db",
      user: "postgres",
      database: "postgres",
    });
    assert.deepEqual(ready["environment"], secret({ PGPASSWORD: "geheim" }));
    assert.deepEqual(ready["triggers"], ["db-container-id"]);
    assert.equal(ready["logging"], "stderr");
  });

  it("writes the owner that the preflight made on what it creates, and on a volume only then", async () => {
    const owner = "0b7e6a0e-5f0b-4d53-8a43-4d6d6e3a8c11";
    const ignored: Record<string, string[] | undefined> = {};
    const registered = await startMocks({ stdout: JSON.stringify({ owner, adopted: [] }) });
    new PostgisContainer(
      "db",
      { password: "p", standby: true },
      {
        transformations: [
          ({ name, opts }) => {
            ignored[name] = (opts as pulumi.CustomResourceOptions).ignoreChanges;
            return undefined;
          },
        ],
      },
    );
    await settled();
    for (const name of ["db-volume", "db-container", "db-standby"]) {
      const { labels } = registered.find((resource) => resource.name === name)?.inputs ?? {};
      assert.deepEqual(labels, [{ label: "postgis-backup.owner", value: owner }], name);
    }
    assert.deepEqual(ignored["db-volume"], ["labels"]);
    assert.deepEqual(ignored["db-standby"], ["labels"]);
    assert.deepEqual(ignored["db-preflight"], ["triggers"]);
    assert.ok(!ignored["db-container"]?.includes("labels"));
  });

  it("gives a connection by which the database is known when its container has another name", async () => {
    const connectionOf = async (args: Partial<PostgisContainerArgs>) =>
      valueOf((await declare({ password: "p", ...args })).database.connection);
    const own = { user: "postgres", database: "postgres" };
    assert.deepEqual(await connectionOf({ volumeName: "db-data" }), { container: "db", ...own });
    assert.deepEqual(await connectionOf({ containerName: "new", volumeName: "db-data" }), {
      container: "new",
      volume: "db-data",
      ...own,
    });
  });

  for (const [name, args, message] of [
    ["an unknown argument", { shmsize: 3 }, /^shmsize: is unknown\. Did you mean shmSize\?/],
    [
      "an unknown setting of a server",
      { s3: { regio: "r" } },
      /^s3\.regio: is unknown\. Did you mean region\?/,
    ],
    ["a text for a choice", { keepData: "false" }, /^keepData: must be true or false/],
  ] as const) {
    it(`refuses ${name} at once`, async () => {
      await startMocks();
      assert.throws(
        () => new PostgisContainer("db", { password: "p", ...args } as unknown as PostgisContainerArgs),
        (error: Error) => pulumi.ResourceError.isInstance(error) && message.test(error.message),
      );
    });
  }

  it("creates nothing when another component of the program has a wrong argument", async () => {
    const registered = await startMocks();
    new PostgisContainer("db", { password: "p" });
    const wrong = {
      connection: { container: "db" },
      tables: ["a"],
      repository: "b",
      format: "tar" as "plain",
    };
    assert.throws(() => new TableBackup("cbm", wrong), /format: /);
    await time();
    assert.deepEqual(
      registered.filter(({ type }) => !type.startsWith("postgis-backup:")),
      [],
    );
  });

  it("creates nothing when an argument is found wrong as soon as it is known", async () => {
    const registered = await startMocks();
    new PostgisContainer("db", { password: pulumi.secret("two\nlines") });
    await time();
    assert.deepEqual(
      registered.filter(({ type }) => !type.startsWith("postgis-backup:")),
      [],
    );
  });

  it("keeps the URI secret and the connection free of secrets", async () => {
    const { database } = await declare({ password: "p@ss:/w", hostAddress: "0.0.0.0", database: "a b" });
    assert.equal(await pulumi.isSecret(database.uri), true);
    assert.equal(await valueOf(database.uri), "postgresql://postgres:p%40ss%3A%2Fw@127.0.0.1:5433/a%20b");
    assert.equal(await pulumi.isSecret(database.connection), false);
    assert.deepEqual(await valueOf(database.connection), {
      container: "db",
      user: "postgres",
      database: "a b",
    });
  });

  it("knows the connection in a preview, before anything exists", async () => {
    const { database } = await declare({ password: "p" }, { preview: true });
    assert.deepEqual(await valueOf(database.connection), {
      container: "db",
      user: "postgres",
      database: "postgres",
    });
  });

  it("previews with values that are not known yet", async () => {
    const registered = await startMocks({ preview: true });
    const database = new PostgisContainer("db", { password: "p", containerName: unknownOutput() });
    await settled();
    assert.equal(await valueOf(database.connection), undefined);
    const container = registered.find(({ name }) => name === "db-container");
    assert.ok(pulumi.containsUnknowns(container?.inputs["name"]));
    assert.equal(container?.inputs["image"], "postgis/postgis:17-3.5");
  });

  it("never stores a password in the clear, even if it was given so", async () => {
    const { registered } = await declare({ password: "geheim" });
    const clear = registered.map(({ inputs }) =>
      JSON.stringify(inputs, (_, value: unknown) => (isSecret(value) ? "[secret]" : value)),
    );
    assert.ok(clear.every((text) => !text.includes("geheim")));
    assert.ok(clear.some((text) => text.includes("[secret]")));
  });

  it("refuses a wrong argument at once, and names it", async () => {
    await startMocks();
    assert.throws(
      () => new PostgisContainer("db", { password: "p", port: 70000 }),
      (error: Error) => pulumi.ResourceError.isInstance(error) && /^port: .*65535/.test(error.message),
    );
  });
});

/** Enough for what would be registered; what waits for ever lets nobody wait for its end. */
const time = () => new Promise((resolve) => setTimeout(resolve, 1000));

function isSecret(value: unknown): boolean {
  return typeof value === "object" && value !== null && "4dabf18193072939515e22adb298388d" in value;
}
