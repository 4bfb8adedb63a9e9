import assert from "node:assert/strict";
import path from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { BackupAgent, type BackupAgentArgs } from "../../../components";
import { secret, settled, startMocks, unknownOutput } from "./mocks";

const job = {
  name: "cbm",
  source: { container: "pg_spat" },
  tables: ["dias_catalogue"],
  schedule: "30 2 * * *",
};
const onSwarm = { ...job, source: { service: "pg_spat" } };
const least: BackupAgentArgs = { image: "agent:1", repository: "/srv/backups", jobs: [job] };
const defaults = { http: { address: "127.0.0.1:9187" }, timeZone: "UTC", atOnce: 2 };
const configurationOf = (more: object = {}) =>
  `${JSON.stringify({ ...defaults, repository: "/srv/backups", jobs: [job], ...more }, null, 2)}\n`;
const base64 = (text: string) => Buffer.from(text).toString("base64");

/** Declares an agent; what was registered, without the component itself. */
async function declare(
  args: BackupAgentArgs | (() => BackupAgentArgs),
  mocks: Parameters<typeof startMocks>[0] = {},
) {
  const registered = await startMocks(mocks);
  const options: Record<string, pulumi.CustomResourceOptions> = {};
  new BackupAgent("it", typeof args === "function" ? args() : args, {
    transformations: [
      ({ name, opts }) => {
        options[name] = opts;
        return undefined;
      },
    ],
  });
  await settled();
  const inputs = (name: string) => registered.find((resource) => resource.name === name)?.inputs;
  const names = registered.map(({ type, name }) => `${name} ${type}`).sort();
  return { inputs, names, options };
}

/** The error of a program that declares it, and what it had declared by then. */
async function refused(args: object, mocks: Parameters<typeof startMocks>[0] = {}): Promise<string> {
  const registered = await startMocks(mocks);
  assert.throws(
    () => new BackupAgent("it", { ...least, ...args }),
    (error: Error) => pulumi.ResourceError.isInstance(error),
  );
  await settled();
  assert.deepEqual(
    registered.map(({ name }) => name).filter((name) => name !== "it"),
    [],
  );
  try {
    new BackupAgent("it", { ...least, ...args });
  } catch (error) {
    return (error as Error).message;
  }
  return "";
}

/** What ends a program that declares this: an error in a value that is known only later. */
async function unhandledError(program: () => unknown): Promise<string> {
  const mocha = process.listeners("unhandledRejection");
  process.removeAllListeners("unhandledRejection");
  const failed = new Promise<unknown>((resolve) => process.on("unhandledRejection", resolve));
  try {
    program();
    const ended = settled().then(
      () => "nothing failed",
      (error: unknown) => error,
    );
    return String(await Promise.race([failed, ended]));
  } finally {
    process.removeAllListeners("unhandledRejection");
    for (const listener of mocha) process.on("unhandledRejection", listener);
  }
}

describe("BackupAgent", () => {
  it("declares a container with the configuration, the socket and the repository", async () => {
    const { inputs, names, options } = await declare(least);
    assert.deepEqual(names, [
      "it postgis-backup:index:BackupAgent",
      "it-container docker:index/container:Container",
      "it-ready command:local:Command",
    ]);
    assert.deepEqual(inputs("it-container"), {
      name: "it",
      image: "agent:1",
      envs: [],
      uploads: [{ file: "/etc/postgis-backup/agent.yaml", content: configurationOf(), permissions: "0444" }],
      mounts: [{ type: "bind", source: "/var/run/docker.sock", target: "/var/run/docker.sock" }],
      volumes: [{ hostPath: "/srv/backups", containerPath: "/srv/backups" }],
      labels: [],
      user: "root",
      init: true,
      restart: "unless-stopped",
      mustRun: false,
      stopTimeout: 60,
      destroyGraceSeconds: 60,
    });
    assert.equal(options["it-container"]?.deleteBeforeReplace, true);
    const { triggers, create, stdin } = inputs("it-ready") ?? {};
    assert.match(String(create), /^exec node \S+ agent-ready --request -$/);
    assert.deepEqual(triggers, ["it-container-id"]);
    assert.deepEqual(JSON.parse(String(stdin)), { name: "it", mode: "container" });
  });

  it("passes every setting on", async () => {
    const { inputs } = await declare({
      ...least,
      ...{ agentName: "backups", port: 9999, hostAddress: "0.0.0.0", network: "net", user: "1000:999" },
      ...{ dockerSocket: "/run/user/1000/docker.sock", environment: { TZ: "UTC" }, labels: { team: "gis" } },
      ...{ timeZone: "Europe/Rome", atOnce: 3, jitter: "5m", retention: { keepDaily: 7 } },
      ...{ startTimeout: 60, dockerHost: "tcp://docker.example.com:2376" },
      s3: { region: "eu-central-1" },
      jobs: [{ ...job, copies: ["./copies", "s3://bucket/x"], retry: { for: "2h" } }],
    });
    const { uploads, ...rest } = inputs("it-container") ?? {};
    assert.deepEqual(rest, {
      name: "backups",
      image: "agent:1",
      envs: ["TZ=UTC"],
      mounts: [{ type: "bind", source: "/run/user/1000/docker.sock", target: "/var/run/docker.sock" }],
      volumes: [path.resolve("copies"), "/srv/backups"]
        .sort()
        .map((folder) => ({ hostPath: folder, containerPath: folder })),
      labels: [{ label: "team", value: "gis" }],
      user: "1000:999",
      networksAdvanced: [{ name: "net" }],
      ports: [{ internal: 9187, external: 9999, ip: "0.0.0.0" }],
      init: true,
      restart: "unless-stopped",
      mustRun: false,
      stopTimeout: 60,
      destroyGraceSeconds: 60,
    });
    assert.deepEqual(JSON.parse(String(inputs("it-ready")?.["stdin"])), {
      ...{ name: "backups", mode: "container", timeout: 60, dockerHost: "tcp://docker.example.com:2376" },
    });
    const [{ content }] = uploads as [{ content: string }];
    assert.deepEqual(JSON.parse(content), {
      http: { address: "0.0.0.0:9187" },
      repository: "/srv/backups",
      s3: { region: "eu-central-1" },
      retention: { keepDaily: 7 },
      timeZone: "Europe/Rome",
      jitter: "5m",
      atOnce: 3,
      jobs: [{ ...job, copies: [path.resolve("copies"), "s3://bucket/x"], retry: { for: "2h" } }],
    });
  });

  it("makes files of secrets, and nothing else has them", async () => {
    const args = {
      ...least,
      secrets: { pg: pulumi.secret("very-secret") },
      s3Credentials: { accessKeyId: "AKIA", secretAccessKey: "even-more-secret" },
      jobs: [{ ...job, source: { ...job.source, passwordFile: "/run/secrets/pg" } }],
    };
    const { inputs } = await declare(() => args);
    const { uploads, envs, ...rest } = inputs("it-container") ?? {};
    const credentials = "[default]\naws_access_key_id = AKIA\naws_secret_access_key = even-more-secret\n";
    const files = [
      { file: "/run/secrets/pg", content: "very-secret" },
      { file: "/run/secrets/s3-credentials", content: credentials },
    ];
    const configuration = {
      file: "/etc/postgis-backup/agent.yaml",
      content: configurationOf({ jobs: args.jobs }),
    };
    // One secret file makes all of them secret in the state.
    assert.deepEqual(
      uploads,
      secret([configuration, ...files].map((file) => ({ ...file, permissions: "0444" }))),
    );
    assert.deepEqual(envs, ["AWS_SHARED_CREDENTIALS_FILE=/run/secrets/s3-credentials"]);
    assert.doesNotMatch(JSON.stringify([configuration, rest]), /very-secret|more-secret/);
    const { secrets, s3Credentials } = inputs("it") ?? {};
    assert.deepEqual(secrets, secret({ pg: "very-secret" }));
    assert.deepEqual(s3Credentials, secret({ accessKeyId: "AKIA", secretAccessKey: "even-more-secret" }));
  });

  it("declares a global service on a swarm, with a Docker config and secrets that are made anew when they change", async () => {
    const { inputs, names, options } = await declare({
      ...least,
      mode: "swarm",
      jobs: [{ ...onSwarm, source: { service: "pg_spat", passwordFile: "/run/secrets/pg" } }],
      secrets: { pg: "p" },
      constraints: ["node.labels.database == true"],
      ...{ port: 9187, network: "network-id", user: "1000:999", environment: { TZ: "UTC" } },
      labels: { team: "gis" },
    });
    assert.deepEqual(names, [
      "it postgis-backup:index:BackupAgent",
      "it-configuration docker:index/serviceConfig:ServiceConfig",
      "it-ready command:local:Command",
      "it-secret-pg docker:index/secret:Secret",
      "it-service docker:index/service:Service",
    ]);
    const labels = [{ label: "team", value: "gis" }];
    const { data, ...config } = inputs("it-configuration") as { data: string };
    assert.deepEqual(config, { labels });
    const settings = {
      ...defaults,
      http: { address: "0.0.0.0:9187" },
      jobs: [{ ...onSwarm, source: { service: "pg_spat", passwordFile: "/run/secrets/pg" } }],
    };
    assert.deepEqual(JSON.parse(Buffer.from(data, "base64").toString()), {
      ...{ repository: "/srv/backups", ...settings },
    });
    assert.deepEqual(inputs("it-secret-pg"), { data: secret(base64("p")), labels });
    assert.deepEqual(inputs("it-service"), {
      name: "it",
      labels,
      mode: { global: true },
      taskSpec: {
        containerSpec: {
          image: "agent:1",
          user: "1000:999",
          env: { TZ: "UTC" },
          init: true,
          configs: [{ configId: "it-configuration-id", fileName: "/etc/postgis-backup/agent.yaml" }],
          secrets: [{ secretId: "it-secret-pg-id", fileName: "pg" }],
          mounts: [
            { type: "bind", source: "/var/run/docker.sock", target: "/var/run/docker.sock" },
            { type: "bind", source: "/srv/backups", target: "/srv/backups" },
          ],
          stopGracePeriod: "1m",
        },
        placement: { constraints: ["node.labels.database == true"] },
        networksAdvanceds: [{ id: "network-id" }],
      },
      updateConfig: { parallelism: 1, order: "stop-first", failureAction: "pause", monitor: "15s" },
      endpointSpec: { ports: [{ targetPort: 9187, publishedPort: 9187, publishMode: "host" }] },
    });
    assert.deepEqual(JSON.parse(String(inputs("it-ready")?.["stdin"])), { name: "it", mode: "swarm" });
    for (const name of ["it-configuration", "it-secret-pg"])
      assert.equal(options[name]?.deleteBeforeReplace ?? false, false);
  });

  it("waits for the agents again when anything of the service has changed", async () => {
    const triggers = async (more: object) => {
      const { inputs } = await declare({ ...least, mode: "swarm", jobs: [onSwarm], ...more });
      return JSON.stringify(inputs("it-ready")?.["triggers"]);
    };
    const first = await triggers({});
    assert.equal(await triggers({}), first);
    assert.notEqual(await triggers({ image: "agent:2" }), first);
    assert.notEqual(await triggers({ environment: { TZ: "UTC" } }), first);
  });

  it("says at once all that is wrong with the configuration, by the argument", async () => {
    const wrong = [
      { ...job, schedule: "61 * * * *" },
      { ...job, tabels: ["a"] },
    ];
    const message = await refused({ jobs: wrong, atOnce: 0 });
    assert.match(message, /^atOnce: /m);
    assert.match(message, /^jobs\.0\.schedule: must be a cron line/m);
    assert.match(message, /^jobs\.1\.tabels: is unknown\. Did you mean/m);
    assert.match(message, /^jobs: must each have a name of their own, but two are called cbm/m);
    assert.match(message, /BackupAgent "it"/);
  });

  it("lets each job share rows with earlier backups, in a bucket in the directory format", async () => {
    const shared = { ...job, fullEvery: "7d" };
    const { inputs } = await declare({ ...least, jobs: [shared] });
    const [{ content }] = inputs("it-container")?.["uploads"] as [{ content: string }];
    assert.deepEqual((JSON.parse(content) as { jobs: unknown }).jobs, [shared]);
    const own = { ...shared, name: "own", repository: "/srv/other" };
    const inFiles = { ...shared, name: "files", format: "directory" as const };
    const message = await refused({ repository: "s3://backups", jobs: [job, shared, own, inFiles] });
    assert.match(message, /^jobs\.1\.fullEvery: has no effect here: only archives in the directory format/m);
    assert.doesNotMatch(message, /jobs\.[023]/);
    assert.match(
      await refused({ jobs: [{ ...job, fullEvery: "often" }] }),
      /^jobs\.0\.fullEvery: must be a duration/,
    );
  });

  it("checks in a preview what is known, also where the repository is not", async () => {
    await startMocks({ preview: true });
    const repository = unknownOutput();
    assert.throws(
      () => new BackupAgent("it", { ...least, repository, jobs: [{ ...job, schedule: "often" }] }),
      /^Error: jobs\.0\.schedule: must be a cron line/,
    );
    await settled();
    const { names } = await declare(() => ({ ...least, repository: unknownOutput() }), { preview: true });
    assert.ok(names.includes("it-container docker:index/container:Container"));
  });

  it("refuses what is wrong on a swarm", async () => {
    const source = { service: "x", dockerHost: "ssh://host" };
    const message = await refused({
      mode: "swarm",
      repository: "backups",
      jobs: [job, { ...job, name: "b", source }],
    });
    assert.match(message, /^jobs\.0\.source\.container: has no meaning on a swarm/m);
    assert.match(message, /^jobs\.1\.source\.dockerHost: would make every agent/m);
    assert.match(message, /^repository: must be an absolute path/m);
    assert.match(
      await refused({ mode: "swarm", jobs: [onSwarm], hostAddress: "127.0.0.1" }),
      /^hostAddress: .*"container" only/,
    );
    assert.match(await refused({ constraints: ["a == b"] }), /^constraints: .*"swarm" only/);
  });

  it("refuses secrets with wrong names, and shows none of them", async () => {
    assert.match(await refused({ secrets: { "a/b": "x" } }), /^secrets\.a\/b: must be letters/);
    assert.match(await refused({ secrets: { "s3-credentials": "x" } }), /give s3Credentials instead/);
    assert.match(await refused({ secrets: { pg: "" } }), /^secrets\.pg: must not be empty/);
    assert.match(await refused({ secrets: pulumi.output({ pg: "x" }) }), /^secrets: must be an object/);
  });

  it("refuses the file of a secret that is not given", async () => {
    const source = { ...job.source, passwordFile: "/run/secrets/pq" };
    const message = await refused({ jobs: [{ ...job, source }], secrets: { pg: "x" } });
    assert.match(message, /^jobs\.0\.source\.passwordFile: "pq" is not in secrets\. Did you mean pg\?/);
    assert.match(
      await refused({ notify: { pingFile: "/run/secrets/ping" } }),
      /^notify\.pingFile: "ping" is not in/,
    );
  });

  it("refuses a secret among the settings, which everyone could read", async () => {
    await startMocks();
    const notify = { webhook: pulumi.secret("https://example.com/hidden-path") };
    const message = await unhandledError(() => new BackupAgent("it", { ...least, notify }));
    assert.match(message, /jobs: a secret is among the settings/);
    assert.doesNotMatch(message, /hidden-path/);
  });
});
