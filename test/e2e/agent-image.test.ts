import assert from "node:assert/strict";
import { chmod, chown, mkdir, readFile, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import { execa } from "execa";
import { agentImage } from "../../setup/agent-image";
import { root } from "../../setup/paths";
import { backupIds, never } from "../support/agent";
import { docker, startServer } from "../support/container";
import {
  ownLabel,
  removeContainer,
  removeFolder,
  sql,
  temporaryFolder,
  uniqueName,
} from "../support/resources";
import { waitUntil } from "../support/wait";

const socket = "/var/run/docker.sock";

describe("the image of the agent", function () {
  this.timeout(240_000);
  let container: string;
  let folder: string;
  let agent: string;

  before(async () => {
    container = await startServer();
    await sql(container, "CREATE TABLE parcel_set AS SELECT g AS id FROM generate_series(1, 100) g");
  });
  beforeEach(async () => {
    folder = await temporaryFolder();
    await chmod(folder, 0o755);
    agent = uniqueName();
  });
  afterEach(async () => {
    await removeContainer(agent);
    await removeFolder(folder);
  });
  after(() => removeContainer(container));

  /** Starts it as its Dockerfile says, with a repository that has the same path here as in it. */
  async function run(options: readonly string[] = [], owner = { uid: 0, gid: 0 }): Promise<string> {
    const repository = path.join(folder, "backups");
    await mkdir(repository);
    await chown(repository, owner.uid, owner.gid);
    const job = {
      name: "cbm",
      source: { container },
      tables: ["parcel_set"],
      schedule: never,
      restoreTest: never,
    };
    const config = { repository, http: { address: "127.0.0.1:9187" }, jobs: [job] };
    const file = path.join(folder, "agent.yaml");
    await writeFile(file, JSON.stringify(config));
    const mounts = [
      `${socket}:${socket}`,
      `${repository}:${repository}`,
      `${file}:/etc/postgis-backup/agent.yaml:ro`,
    ].flatMap((mount) => ["--volume", mount]);
    await execa("docker", [
      ...["run", "--detach", "--init", "--name", agent, "--stop-timeout", "60", ...ownLabel],
      ...mounts,
      ...options,
      agentImage,
    ]);
    return repository;
  }
  const logged = (pattern: RegExp) =>
    waitUntil(String(pattern), async () => pattern.test((await docker("logs", agent)).output), 90).catch(
      async (error: unknown) => {
        throw new Error((await docker("logs", agent)).output, { cause: error });
      },
    );

  it("has the command line, and the report", async () => {
    const { version } = JSON.parse(await readFile(path.join(root, "package.json"), "utf8")) as {
      version: string;
    };
    assert.equal((await docker("run", "--rm", agentImage, "--version")).output, version);
    const { code, output } = await docker("run", "--rm", agentImage, "report", "--repository", "/tmp/none");
    assert.equal(code, 1);
    assert.match(output, /There is no folder \/tmp\/none/);
    // The bundle of the SDK is in the image, and is asked for a bucket.
    const list = ["list", "--repository", "s3://bucket/x", "--s3-endpoint", "http://127.0.0.1:9"];
    const keys = [
      "--env",
      "AWS_ACCESS_KEY_ID=x",
      "--env",
      "AWS_SECRET_ACCESS_KEY=x",
      "--env",
      "AWS_REGION=x",
    ];
    assert.match(
      (await docker("run", "--rm", ...keys, agentImage, ...list)).output,
      /error\[s3-unreachable\]/,
    );
  });

  it("takes a backup through the Docker socket, restores it in a test, is healthy, and stops in order", async () => {
    const repository = await run();
    await logged(/cbm: .* is complete/);
    await logged(/Restore test of cbm: nothing is wrong/);
    const [id = ""] = await backupIds(repository, "cbm");
    const archive = await readFile(path.join(repository, "cbm", id, "archive.dump"));
    const { stdout } = await execa("docker", ["exec", "-i", container, "pg_restore", "--list"], {
      input: archive,
    });
    assert.match(stdout, /TABLE DATA public parcel_set/);
    await waitUntil("healthy", async () => {
      const { output } = await docker("inspect", "--format={{.State.Health.Status}}", agent);
      return output === "healthy";
    });
    await execa("docker", ["stop", agent]);
    assert.equal((await docker("inspect", "--format={{.State.ExitCode}}", agent)).output, "0");
    assert.match((await docker("logs", agent)).output, /The agent has stopped\.$/);
  });

  it("runs as another user than root, with the group of the socket", async () => {
    const { gid } = await stat(socket);
    const repository = await run(["--user", `1234:${gid}`], { uid: 1234, gid });
    await logged(/cbm: .* is complete/);
    const [id = ""] = await backupIds(repository, "cbm");
    const { uid } = await stat(path.join(repository, "cbm", id, "archive.dump"));
    assert.equal(uid, 1234);
  });
});
