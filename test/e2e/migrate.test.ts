import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { root } from "../../setup/paths";
import { docker, startServer } from "../support/container";
import { imageOf } from "../support/images";
import { removeContainer, removeVolume, sql } from "../support/resources";
import { contentOf } from "../support/restore-fixture";
import { clientPassword, queryPort, startWriter, type Writer } from "../support/port-client";
import { createProject, type Project, removeProject, up } from "../support/stack";

const source = path.join(root, "examples", "migrate");

const tables = `
CREATE ROLE curator;
CREATE TABLE dias_catalogue (id serial PRIMARY KEY, reference varchar(120) UNIQUE, footprint geometry(Polygon, 4326));
CREATE INDEX ON dias_catalogue USING gist (footprint);
CREATE TABLE parcel_set (ogc_fid int PRIMARY KEY, crop text CHECK (crop <> ''), wkb_geometry geometry(Polygon, 3035),
  area float8 GENERATED ALWAYS AS (ST_Area(wkb_geometry)) STORED);
CREATE INDEX ON parcel_set USING gist (wkb_geometry);
ALTER TABLE parcel_set OWNER TO curator;
CREATE TABLE "roi2020_S2_signatures" (pid int, obsid int, band char(3), mean real);
CREATE INDEX ON "roi2020_S2_signatures" (pid);
CREATE SCHEMA es;
CREATE TABLE es.inspections (id bigserial PRIMARY KEY, parcel int REFERENCES parcel_set, seen timestamptz);
INSERT INTO dias_catalogue (reference, footprint)
  SELECT 'S2A' || g, ST_SetSRID(ST_MakeEnvelope(g, g, g + 1, g + 1), 4326) FROM generate_series(1, 50) g;
INSERT INTO parcel_set SELECT g, 'maize', ST_SetSRID(ST_MakeEnvelope(g, g, g + 1, g + 2), 3035) FROM generate_series(1, 5000) g;
INSERT INTO "roi2020_S2_signatures" SELECT 1 + g % 5000, 1 + g % 50, 'B02', g / 7.0 FROM generate_series(1, 200000) g;
INSERT INTO "roi2020_S2_signatures" VALUES (9999, 1, 'B02', 0);
INSERT INTO es.inspections (parcel, seen) SELECT g, now() FROM generate_series(1, 500) g;
CREATE SCHEMA log;
CREATE TABLE log.journal (id int);`;

const schemas = ["public", "es"];
const version = "SELECT current_setting('server_version_num')::int / 10000 AS major";

/** One after another: each step is what somebody does next. */
describe("examples/migrate", function () {
  this.timeout(600_000);
  let project: Project;
  let old: string;
  let volume: string;
  let oldVolume: string[];
  let writer: Writer | undefined;
  let acknowledged: number[];
  let content: string[];

  before(async () => {
    project = await createProject(source, await readdir(source));
    volume = `${project.container}-old`;
    oldVolume = ["--volume", `${volume}:/var/lib/postgresql/data`];
    old = await startServer({
      image: await imageOf("13-3.1"),
      ownData: true,
      options: [...["--publish", `127.0.0.1:${project.port}:5432`, "--restart", "always"], ...oldVolume],
    });
    await sql(old, `${tables} ALTER ROLE postgres PASSWORD '${clientPassword}'`);
    await project.stack.setConfig("oldContainer", { value: old });
    await project.stack.setConfig("password", { value: clientPassword, secret: true });
  });
  after(async () => {
    await writer?.stop();
    await removeProject(project);
    await removeContainer(old);
    await removeVolume(volume);
  });

  const major = async () => (await queryPort(project.port, version))[0]?.["major"];
  const exists = async (...object: string[]) => (await docker(...object)).code === 0;
  const journal = async () =>
    (await queryPort(project.port, "SELECT id FROM log.journal")).map(({ id }) => id);
  const inspect = async (container: string, format: string) =>
    (await docker("inspect", `--format=${format}`, container)).output;

  it("leaves the old server on its port, and writable, when the tables cannot be restored", async () => {
    assert.equal(await major(), 13);
    const before = await contentOf(old, "postgres", schemas);
    await assert.rejects(up(project), /requirement-missing[^]*curator/);
    assert.equal(await major(), 13);
    assert.deepEqual(await contentOf(old, "postgres", schemas), before);
    await queryPort(project.port, "INSERT INTO parcel_set SELECT 5001, 'rye'");
    assert.equal(await inspect(old, "{{.HostConfig.RestartPolicy.Name}}"), "always");
  });

  it("has tables and port on the new server in the next up, with every write that was acknowledged", async () => {
    await sql(project.container, "CREATE ROLE curator");
    content = await contentOf(old, "postgres", schemas);
    writer = startWriter(project.port);
    const { outputs } = await up(project);
    await sleep(500);
    acknowledged = await writer.stop();
    assert.equal(await major(), 17);
    assert.deepEqual(await contentOf(project.container, "postgres", schemas), content);
    const written = await journal();
    assert.deepEqual(
      acknowledged.filter((id) => !written.includes(id)),
      [],
    );
    assert.ok(acknowledged.length > 100, `only ${acknowledged.length} writes`);
    assert.match(String(outputs["location"]), /backups\/cbm\//);
  });

  it("keeps the old container, stopped, so that no restart of the daemon starts it", async () => {
    const state = await inspect(
      old,
      "{{.State.Running}} {{.State.ExitCode}} {{.HostConfig.RestartPolicy.Name}}",
    );
    assert.equal(state, "false 0 unless-stopped");
  });

  it("does nothing in an up without a change", async () => {
    const { changes } = await up(project);
    assert.deepEqual(Object.keys(changes), ["same"]);
    assert.equal(await major(), 17);
  });

  it("gives a new container of the new server the port again, and its data", async () => {
    await queryPort(project.port, "INSERT INTO log.journal VALUES (-1)");
    const { resources } = (await project.stack.exportStack()).deployment as {
      resources: { type: string; urn: string }[];
    };
    const container = resources.find(({ type }) => type === "docker:index/container:Container");
    await project.stack.up({ replace: [container?.urn ?? ""] });
    assert.equal(await major(), 17);
    assert.ok((await journal()).includes(-1));
  });

  it("removes the old container in the second step, and nothing of its data", async () => {
    await project.stack.setConfig("oldServer", { value: "remove" });
    const { outputs } = await up(project);
    assert.deepEqual(outputs["removed"], [old]);
    assert.equal(await exists("inspect", old), false);
    assert.equal(await exists("network", "inspect", `${project.container}-standby`), false);
    assert.equal(await major(), 17);
    assert.deepEqual(await contentOf(project.container, "postgres", schemas), content);
    const { changes } = await up(project);
    assert.deepEqual(Object.keys(changes), ["same"]);

    const again = await startServer({ image: await imageOf("13-3.1"), ownData: true, options: oldVolume });
    try {
      assert.deepEqual(await contentOf(again, "postgres", schemas), content);
    } finally {
      await removeContainer(again);
    }
  });

  it("removes the old data when it is told to", async () => {
    await project.stack.setConfig("oldServer", { value: "removeData" });
    const { outputs } = await up(project);
    assert.deepEqual(outputs["removed"], [volume]);
    assert.equal(await exists("volume", "inspect", volume), false);
    assert.equal(await exists("volume", "inspect", `${project.container}-data`), true);
    assert.equal(await major(), 17);
  });

  it("is what its README shows", async () => {
    const [program, readme] = await Promise.all(
      ["index.ts", "README.md"].map((file) => readFile(path.join(source, file), "utf8")),
    );
    assert.ok(readme?.includes(`\`\`\`ts\n${program}\`\`\``));
  });
});
