import assert from "node:assert/strict";
import { cp, readdir, readFile, symlink, writeFile } from "node:fs/promises";
import path from "node:path";
import { execa } from "execa";
import { Manifest } from "../../runner/repository/manifest";
import { agentImage } from "../../setup/agent-image";
import { root } from "../../setup/paths";
import { backupIds } from "../support/agent";
import { docker, startServer } from "../support/container";
import { imageOf } from "../support/images";
import { removeContainer, removeFolder, sql, temporaryFolder, uniqueName } from "../support/resources";
import { runRunner } from "../support/runner";
import { expectSampleBackup } from "../support/sample-backup";
import { createProject, type Project, removeProject, up } from "../support/stack";
import { waitUntil } from "../support/wait";

const folder = path.join(root, "examples", "daily");

describe("examples/daily", function () {
  this.timeout(120_000);
  let project: Project;

  before(async () => {
    project = await createProject(folder, await readdir(folder));
  });
  after(() => removeProject(project));

  it("takes its backup with the package by name", async () => {
    const { outputs } = await up(project);
    await expectSampleBackup(outputs["location"], project.container);
  });

  it("is what the README shows", async () => {
    const [program, readme] = await Promise.all([
      readFile(path.join(folder, "index.ts"), "utf8"),
      readFile(path.join(root, "README.md"), "utf8"),
    ]);
    assert.ok(readme.includes(`\`\`\`ts\n${program}\`\`\``));
  });
});

describe("examples/agent", function () {
  this.timeout(300_000);
  const source = path.join(root, "examples", "agent");
  const agent = uniqueName();
  let project: Project;

  before(async () => {
    project = await createProject(source, await readdir(source));
    await project.stack.setAllConfig({ agentImage: { value: agentImage }, agentName: { value: agent } });
  });
  after(async () => {
    await removeProject(project);
    await removeContainer(agent);
  });

  it("has an agent that takes the first backup at once", async () => {
    await up(project);
    const repository = path.join(project.folder, "backups");
    await waitUntil("a backup", async () => (await backupIds(repository, "cbm")).length > 0, 120);
    const { exitCode, stdout, stderr } = await runRunner(["status", repository, "--max-age", "1h"]);
    assert.equal(exitCode, 0, stdout + stderr);
    const [id = ""] = await backupIds(repository, "cbm");
    const { stdout: listed } = await execa(
      "docker",
      ["exec", "-i", project.container, "pg_restore", "--list"],
      {
        input: await readFile(path.join(repository, "cbm", id, "archive.dump")),
      },
    );
    assert.match(listed, /TABLE DATA public roi2020_S2_signatures/);
  });

  it("is what the page about the agent shows", async () => {
    const [program, page] = await Promise.all([
      readFile(path.join(source, "index.ts"), "utf8"),
      readFile(path.join(root, "docs", "agent.md"), "utf8"),
    ]);
    assert.ok(page.includes(`\`\`\`ts\n${program}\`\`\``));
  });
});

describe("examples/policy", function () {
  this.timeout(400_000);
  let project: Project;
  let policyPack: string;

  before(async () => {
    policyPack = await temporaryFolder();
    await cp(path.join(root, "examples", "policy"), policyPack, { recursive: true });
    await symlink(path.join(root, "node_modules"), path.join(policyPack, "node_modules"));
    project = await createProject(folder, ["Pulumi.yaml", "schema.sql"]);
    await symlink(path.join(root, "dist"), path.join(project.folder, "dist"));
  });
  after(async () => {
    await removeProject(project);
    await removeFolder(policyPack);
  });

  const program = () => readFile(path.join(folder, "index.ts"), "utf8");
  const write = (text: string) => writeFile(path.join(project.folder, "index.ts"), text);

  it("refuses a server without a backup, in a preview and in an update", async () => {
    await write((await program()).replace(/^const backup = [^]*/m, ""));
    const refused = new RegExp(
      `${project.container} has no backup: declare a TableBackup with its connection`,
    );
    for (const verb of ["preview", "up"] as const)
      await assert.rejects(project.stack[verb]({ policyPacks: [policyPack] }), refused, verb);
  });

  it("lets one pass that has a backup", async () => {
    await write(await program());
    await project.stack.preview({ policyPacks: [policyPack] });
    const { outputs } = await project.stack.up({ policyPacks: [policyPack] });
    await expectSampleBackup(outputs["location"]?.value, project.container);
  });
});

describe("examples/adopt", function () {
  this.timeout(600_000);
  const source = path.join(root, "examples", "adopt");
  let project: Project;
  let container: string;

  /** As somebody would do it by hand: no folder of the host, an image whose pg_dump knows no zstd. */
  before(async () => {
    container = await startServer({
      image: await imageOf("13-3.1"),
      options: ["--publish", "127.0.0.1::5432"],
    });
    await sql(
      container,
      `CREATE TABLE dias_catalogue (id serial PRIMARY KEY, reference varchar(120) UNIQUE, footprint geometry(Polygon, 4326));
       CREATE TABLE parcel_set (ogc_fid int PRIMARY KEY, wkb_geometry geometry(Polygon, 3035));
       CREATE TABLE "roi2020_S2_signatures" (pid int, obsid int, band char(3), mean real);
       INSERT INTO dias_catalogue (reference) VALUES ('S2A'), ('S2B');
       INSERT INTO parcel_set SELECT g, ST_SetSRID(ST_MakeEnvelope(g, g, g + 1, g + 2), 3035) FROM generate_series(1, 50) g;
       INSERT INTO "roi2020_S2_signatures" SELECT 1 + g % 50, 1 + g % 2, 'B02', random() FROM generate_series(1, 5000) g;
       INSERT INTO "roi2020_S2_signatures" VALUES (99, 1, 'B02', 0);`,
    );
    project = await createProject(source, await readdir(source));
    await project.stack.setConfig("containerName", { value: container });
  });
  after(async () => {
    await removeProject(project);
    await removeContainer(container);
  });

  it("backs up a container that is not the stack's, and neither touches nor restarts it", async () => {
    const state = async () => {
      const { output } = await docker(
        "inspect",
        "--format={{.Id}} {{.State.StartedAt}} {{.RestartCount}} {{json .Config}}",
        container,
      );
      // The server itself writes its data at any time; every file that is written elsewhere shows.
      const changed = (await docker("diff", container)).output.split("\n");
      return [output, ...changed.filter((line) => !/^[ACD] \/var\/lib\/postgresql/.test(line)).toSorted()];
    };
    const before = await state();
    const { outputs } = await up(project);
    assert.deepEqual(await state(), before);
    const manifest = await readFile(path.join(String(outputs["location"]), "manifest.json"), "utf8");
    const { tables, logicalForeignKeys, compression } = Manifest.parse(JSON.parse(manifest));
    assert.deepEqual(
      tables.map(({ name, rows }) => [name, rows]),
      [
        ["dias_catalogue", 2],
        ["parcel_set", 50],
        ["roi2020_S2_signatures", 5001],
      ],
    );
    assert.deepEqual(
      logicalForeignKeys.map(({ orphans }) => orphans),
      [1, 0],
    );
    assert.equal(compression, "gzip:1");

    await execa("bash", ["-euo", "pipefail", "-c", String(outputs["restore"])]);
    const digest = `SELECT md5(string_agg(t::text, ',' ORDER BY t::text)) FROM "roi2020_S2_signatures" t`;
    assert.equal(await sql(container, digest, "postgres_restored"), await sql(container, digest));
  });

  it("is what the quickstart shows", async () => {
    const [program, page] = await Promise.all([
      readFile(path.join(source, "index.ts"), "utf8"),
      readFile(path.join(root, "docs", "quickstart-pulumi.md"), "utf8"),
    ]);
    assert.ok(page.includes(`\`\`\`ts\n${program}\`\`\``));
  });
});
