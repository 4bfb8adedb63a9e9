import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { readdir } from "node:fs/promises";
import path from "node:path";
import { execa } from "execa";
import { Client } from "pg";
import { Manifest } from "../../runner/repository/manifest";
import { sql } from "../support/resources";
import { createProject, type Project, removeProject, up } from "../support/stack";

describe("the stack program, with the real CLI, engine and database", function () {
  this.timeout(300_000);
  let project: Project;
  let first: Record<string, unknown>;

  before(async () => {
    project = await createProject();
  });
  after(() => removeProject(project));

  const manifestOf = (outputs: Record<string, unknown>) =>
    Manifest.parse(JSON.parse(readFileSync(String(outputs["backupManifest"]), "utf8")));
  const backupsOnDisk = async () =>
    (await readdir(path.join(project.folder, "backups", "cbm"))).filter((name) =>
      /^\d{8}T\d{6}Z$/.test(name),
    );

  it("ends the first up with a complete backup, and outputs that point at it", async () => {
    first = (await up(project)).outputs;
    const id = String(first["backupId"]);
    assert.equal(first["backupLocation"], path.join(project.folder, "backups", "cbm", id));
    assert.equal(first["containerName"], project.container);
    const manifest = manifestOf(first);
    assert.equal(manifest.id, id);
    assert.deepEqual(
      manifest.tables.map(({ schema, name }) => `${schema}.${name}`),
      [
        "public.aois",
        "public.dias_catalogue",
        "public.parcel_set",
        "public.roi2020_S2_hists",
        "public.roi2020_S2_signatures",
      ],
    );
    for (const { schema, name, rows } of manifest.tables) {
      assert.equal(
        await sql(project.container, `SELECT count(*) FROM "${schema}"."${name}"`),
        String(rows),
        name,
      );
    }
    assert.equal(manifest.tables.find(({ name }) => name === "roi2020_S2_signatures")?.rows, 51100);
    assert.equal(
      first["backupSizeBytes"],
      manifest.files.reduce((sum, { bytes }) => sum + bytes, 0),
    );
  });

  it("does nothing in an up without a change", async () => {
    const { changes, outputs } = await up(project);
    assert.deepEqual(Object.keys(changes), ["same"]);
    assert.equal(outputs["backupId"], first["backupId"]);
  });

  it("takes a new backup when a trigger changes, and leaves the earlier one alone", async () => {
    await project.stack.setConfig("triggers[0]", { value: "a" }, true);
    const { changes, outputs } = await up(project);
    assert.equal(changes["replace"], 1);
    assert.notEqual(outputs["backupId"], first["backupId"]);
    assert.deepEqual(await backupsOnDisk(), [first["backupId"], outputs["backupId"]]);
    assert.ok(existsSync(String(first["backupManifest"])));
  });

  it("warns in a preview of what would keep the backup from being taken", async () => {
    await project.stack.setConfig("tables[0]", { value: "dias_catalog" }, true);
    const { stdout } = await project.stack.preview();
    assert.match(stdout, /warning: The backup would fail as things are now\./);
    assert.match(stdout, /error\[table-not-found\]: .*"dias_catalog".*Did you mean public\.dias_catalogue\?/);
  });

  it("takes a new backup when the list of tables changes", async () => {
    await project.stack.setConfig("tables[0]", { value: "dias_catalogue" }, true);
    const { outputs } = await up(project);
    assert.deepEqual(outputs["backupTables"], ["public.dias_catalogue"]);
    assert.equal((await backupsOnDisk()).length, 3);
  });

  it("takes a new password into the server, without a new backup and without a new container", async () => {
    const containerId = await sql(project.container, "SELECT pg_postmaster_start_time()");
    await project.stack.setConfig("password", { value: 'it\'s a "new" $pass', secret: true });
    const { changes, outputs, log } = await up(project);
    assert.ok(log.includes("PGPASSWORD: [secret]") && !log.includes("$pass"), log);
    assert.deepEqual(
      changes,
      { same: 6, update: 2 },
      "the component, and the command that sets the password",
    );
    assert.equal((await backupsOnDisk()).length, 3);
    assert.equal(await sql(project.container, "SELECT pg_postmaster_start_time()"), containerId);
    const client = new Client({ connectionString: String(outputs["databaseUri"]) });
    await client.connect();
    const { rows } = await client.query<{ n: string }>('SELECT count(*) AS n FROM "roi2020_S2_signatures"');
    await client.end();
    assert.equal(rows[0]?.n, "51100");
    const wrong = new Client({
      host: "127.0.0.1",
      port: project.port,
      user: "postgres",
      password: "another",
    });
    await assert.rejects(wrong.connect(), /password authentication failed/);
  });

  it("keeps no password in plain state, in the output, or in the container's settings", async () => {
    const states = path.join(project.folder, ".state", ".pulumi", "stacks", "postgis-backup");
    const state = readFileSync(path.join(states, "test.json"), "utf8");
    assert.ok(
      state.includes("PGPASSWORD") && !state.includes("$pass"),
      "the state holds the password in plain text",
    );
    assert.equal((await project.stack.outputs())["databaseUri"]?.secret, true);
    const { stdout } = await execa("docker", ["inspect", project.container]);
    assert.ok(stdout.includes("POSTGRES_PASSWORD_FILE") && !stdout.includes("$pass"));
  });

  it("keeps data and backups when it is destroyed to the end, and continues with the volume that it is told to adopt", async () => {
    await sql(project.container, "CREATE TABLE kept AS SELECT 42 AS answer");
    await project.stack.destroy();
    const { deployment } = (await project.stack.exportStack()) as { deployment: { resources?: unknown[] } };
    assert.deepEqual(deployment.resources ?? [], []);
    assert.equal((await backupsOnDisk()).length, 3);
    const refused = await up(project).then(
      () => "",
      (error: unknown) => String(error),
    );
    const [, owner = ""] = /volume-not-owned[^]*set adopt to "([^"]+)"/.exec(refused) ?? [];
    assert.notEqual(owner, "", refused);
    await project.stack.setConfig("adopt", { value: owner });
    await project.stack.setConfig("tables[0]", { value: "kept" }, true);
    const { outputs } = await up(project);
    assert.equal(manifestOf(outputs).tables[0]?.rows, 1);
    assert.equal(await sql(project.container, "SELECT answer FROM kept"), "42");
  });
});
