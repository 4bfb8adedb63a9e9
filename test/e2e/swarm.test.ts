import assert from "node:assert/strict";
import { mkdir, readFile } from "node:fs/promises";
import path from "node:path";
import { execa } from "execa";
import { agentImage } from "../../setup/agent-image";
import { root } from "../../setup/paths";
import { backupTime } from "../../runner/repository/backup-id";
import { backupIds, never } from "../support/agent";
import { startServer } from "../support/container";
import { environment } from "../support/environment";
import { removeContainer, sql, uniqueName } from "../support/resources";
import { createProject, type Project, removeProject, up } from "../support/stack";
import { docker, type SwarmNode, TestSwarm } from "../support/swarm";
import { waitFor, waitUntil } from "../support/wait";

/** Seconds between the backups of the job that runs all the time. */
const period = 20;
const serviceLabel = "com.docker.swarm.service.name";

/** Needs the right to make network namespaces, and to start engines in them. */
describe("agents on a Docker Swarm of three engines, declared by one pulumi up", function () {
  this.timeout(420_000);
  const databaseImage = `${uniqueName()}-database`;
  const database = uniqueName();
  const agent = uniqueName();
  let swarm: TestSwarm;
  let project: Project;
  let repository: string;

  const large = {
    ...{ name: "large", tables: ["large"], compression: "gzip:9", schedule: never },
    lockTimeout: 600,
  };
  const job = { name: "cbm", tables: ["parcel_set"], schedule: `*/${period} * * * * *` };
  const declare = async (jobs: readonly object[], more: object = {}) => {
    const declared = {
      database: {
        name: database,
        mode: { replicated: { replicas: 1 } },
        taskSpec: {
          containerSpec: { image: databaseImage, env: { POSTGRES_PASSWORD: "test" } },
          placement: { constraints: ["node.role == worker"] },
        },
      },
      agent: {
        mode: "swarm",
        ...{ agentName: agent, image: agentImage, repository, dockerSocket: swarm.socket },
        secrets: { pg: "test" },
        jobs: jobs.map((one) => ({
          ...one,
          source: { service: database, passwordFile: "/run/secrets/pg" },
          retry: { first: "2s" },
        })),
        ...more,
      },
    };
    await project.stack.setConfig("declared", { value: JSON.stringify(declared) });
    return up(project);
  };

  before(async () => {
    await makeDatabaseImage(databaseImage);
    swarm = await TestSwarm.create(3);
    repository = path.join(swarm.folder, "backups");
    await mkdir(repository);
    await Promise.all([swarm.load(swarm.nodes.slice(1), databaseImage), swarm.load(swarm.nodes, agentImage)]);
    const source = path.join(root, "test", "support", "swarm-program");
    project = await createProject(source, ["Pulumi.yaml", "index.ts"]);
    project.stack.workspace.envVars["DOCKER_HOST"] = manager().host;
  });
  after(async () => {
    await removeProject(project).finally(() => swarm.remove());
    await execa("docker", ["image", "rm", databaseImage], { reject: false });
  });

  const manager = (): SwarmNode => {
    const [first] = swarm.nodes;
    if (first === undefined) throw new Error("a swarm without a node");
    return first;
  };
  /** The running container of a service on a node; undefined if there is none. */
  const containerOn = async (node: SwarmNode, service: string) => {
    const filters = ["--filter", `label=${serviceLabel}=${service}`, "--filter", "status=running"];
    const ids = await docker(node, "ps", "--quiet", "--no-trunc", ...filters).catch(() => "");
    return ids.split("\n").find((id) => id !== "");
  };
  const nodeOfDatabase = (except?: SwarmNode) =>
    waitFor(
      "a node where the database runs",
      async () => {
        for (const node of swarm.nodes)
          if (node !== except && (await containerOn(node, database)) !== undefined) return node;
        return undefined;
      },
      120,
    );
  /** All that the agents of a node logged that are still there. */
  const logOf = async (node: SwarmNode) => {
    const ids = await docker(node, "ps", "--all", "--quiet", "--filter", `label=${serviceLabel}=${agent}`);
    const logs = await Promise.all(
      ids
        .split("\n")
        .filter((id) => id !== "")
        .map(async (id) => (await execa("docker", ["--host", node.host, "logs", id], { all: true })).all),
    );
    return logs.join("\n");
  };
  const taken = (log: string) => log.match(/cbm: .*\/cbm\/\S+ is complete/g) ?? [];
  const orLogs = async (error: unknown): Promise<never> => {
    const logs = await Promise.all(
      swarm.nodes.map(async (node) => `${node.name}:\n${await logOf(node).catch(String)}`),
    );
    const tasks = await docker(manager(), "service", "ps", "--no-trunc", agent, database).catch(String);
    throw new Error(`${String(error)}\n${tasks}\n${logs.join("\n")}`);
  };

  it("the agent of the database's node takes the backups, and the others none", async () => {
    await declare([job]);
    const node = await nodeOfDatabase().catch(orLogs);
    await waitUntil("two backups", async () => (await backupIds(repository, "cbm")).length >= 2, 180).catch(
      orLogs,
    );
    assert.ok(taken(await logOf(node)).length >= 1);
    for (const other of swarm.nodes.filter((one) => one !== node)) {
      const log = await logOf(other);
      assert.match(log, /The agent runs 1 job/);
      assert.doesNotMatch(log, /Backup of cbm|error/);
    }
    const { changes } = await declare([job]);
    assert.deepEqual(Object.keys(changes), ["same"]);
  });

  it("after its node is drained, the agent of the node that gets the database takes the next one", async () => {
    const from = await nodeOfDatabase();
    await docker(manager(), "node", "update", "--availability", "drain", from.name);
    const to = await nodeOfDatabase(from).catch(orLogs);
    await waitUntil("a backup there", async () => taken(await logOf(to)).length > 0, 120).catch(orLogs);
    await docker(manager(), "node", "update", "--availability", "active", from.name);
    await waitUntil("an agent there again", async () => (await containerOn(from, agent)) !== undefined);
  });

  it("agents that cannot start with a new configuration leave those of the other nodes alone", async () => {
    const agents = async () => {
      const ids = await Promise.all(swarm.nodes.map((node) => containerOn(node, agent)));
      return ids.filter((id) => id !== undefined);
    };
    await waitUntil("an agent on each node", async () => (await agents()).length === 3);
    const before = await agents();
    await assert.rejects(
      declare([job], { repository: path.join(swarm.folder, "missing") }),
      new RegExp(
        `error\\[agent-not-ready\\]: The agents of service "${agent}" do not all run: .*\\nOn \\S+, \\w+ .*: .*does not exist`,
        "is",
      ),
    );
    const kept = await agents();
    assert.equal(kept.length, 2);
    assert.ok(kept.every((id) => before.includes(id)));
    await declare([job]).catch(orLogs);
    assert.equal((await agents()).length, 3);
  });

  it("a job that is added reaches every node, and after an engine is killed in mid-backup the next run works", async () => {
    const killed = await nodeOfDatabase();
    const server = (await containerOn(killed, database)) ?? "";
    const query = (statement: string, ...how: string[]) =>
      docker(killed, "exec", ...how, server, "psql", "--username=postgres", "-Atc", statement);
    // Until all agents have the job, its backup waits.
    await query("BEGIN; LOCK TABLE large; SELECT pg_sleep(600)", "--detach");
    const { changes } = await declare([job, large]);
    // The service; its configuration is made anew, and the component's inputs changed.
    assert.equal(changes["create"] ?? 0, 0);
    await query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query ~ '^BEGIN; LOCK TABLE large'",
    );
    const copying = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'COPY public.large%'";
    await waitUntil(
      "a backup of the large table in progress",
      async () => (await query(copying)) === "1",
      60,
    ).catch(orLogs);
    await swarm.kill(killed);
    assert.deepEqual(await backupIds(repository, "large"), []);
    const to = await nodeOfDatabase(killed).catch(orLogs);
    await waitUntil("the next run", async () => (await backupIds(repository, "large")).length > 0, 180).catch(
      orLogs,
    );
    await waitUntil("its end there", async () =>
      /large: .*\/large\/\S+ is complete/.test(await logOf(to)),
    ).catch(orLogs);
    const before = (await backupIds(repository, "cbm")).length;
    await waitUntil(
      "one more of the other job",
      async () => (await backupIds(repository, "cbm")).length > before,
      120,
    ).catch(orLogs);
  });

  it("all of that time no backup was taken twice, and each is whole", async () => {
    const ids = await backupIds(repository, "cbm");
    const times = ids.map((id) => Math.floor((backupTime(id)?.getTime() ?? 0) / 1000 / period));
    assert.deepEqual(times, [...new Set(times)]);
    assert.equal((await backupIds(repository, "large")).length, 1);
    const { image } = await environment;
    for (const name of ["cbm", "large"])
      for (const id of await backupIds(repository, name)) {
        const cwd = path.join(repository, name, id);
        await execa("sha256sum", ["--check", "--strict", "--quiet", "SHA256SUMS"], { cwd });
        const input = await readFile(path.join(cwd, "archive.dump"));
        const list = ["run", "--rm", "--interactive", "--entrypoint", "pg_restore", image, "--list"];
        assert.match((await execa("docker", list, { input })).stdout, /TABLE DATA public/);
      }
  });
});

/** A server that has its tables wherever it starts, as if all nodes had the same storage. */
async function makeDatabaseImage(tag: string): Promise<void> {
  const container = await startServer();
  try {
    await sql(
      container,
      `CREATE TABLE parcel_set AS SELECT g AS id FROM generate_series(1, 100) g;
       CREATE TABLE large AS SELECT g, md5(g::text) || md5((-g)::text) AS x FROM generate_series(1, 800000) g`,
    );
    await execa("docker", ["stop", "--time", "60", container]);
    await execa("docker", ["commit", container, tag]);
  } finally {
    await removeContainer(container);
  }
}
