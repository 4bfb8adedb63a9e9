import assert from "node:assert/strict";
import path from "node:path";
import { type Inspection, pathInContainer } from "../../../runner/docker/container";
import { execArguments } from "../../../runner/docker/exec";
import { prepareSql } from "../../../runner/postgres/catalog/prepare";
import { errorLines } from "../../../runner/postgres/session/server";
import { summarizeTables } from "../../../runner/request/result";
import { runnerPath } from "../../../components/shared/runner-command";
import { dataFolder, serverCommand } from "../../../components/postgis-container/server-settings";

describe("a path of the host in a container", () => {
  const mounts = (...pairs: [string, string, boolean?][]) =>
    ({
      Mounts: pairs.map(([Source, Destination, RW = true]) => ({ Type: "bind", Source, Destination, RW })),
    }) as unknown as Inspection;

  it("follows the nearest writable bind mount", () => {
    const container = mounts(
      ["/srv", "/a"],
      ["/srv/backups", "/backups"],
      ["/srv/backups/cbm", "/ro", false],
    );
    assert.equal(pathInContainer(container, "/srv/backups/cbm/x"), "/backups/cbm/x");
    assert.equal(pathInContainer(container, "/srv/other"), "/a/other");
    assert.equal(pathInContainer(container, "/srv/backups"), "/backups");
  });

  it("is unknown outside of all mounts", () => {
    assert.equal(pathInContainer(mounts(["/srv/backups", "/backups"]), "/srv/backups2/x"), undefined);
    assert.equal(pathInContainer(mounts(), "/srv"), undefined);
  });
});

describe("docker exec", () => {
  it("gets secrets by name only", () => {
    const target = { docker: { env: {} }, container: "id", env: { PGUSER: "u" }, secretEnv: ["PGPASSWORD"] };
    assert.deepEqual(execArguments(target, ["psql"], "1:2"), [
      "exec",
      "--interactive",
      "--user",
      "1:2",
      "--env",
      "PGUSER=u",
      "--env",
      "PGPASSWORD",
      "id",
      "psql",
    ]);
  });
});

describe("prepare.sql", () => {
  const postgis = { name: "postgis", version: "3.5", schema: "gis" };

  it("quotes names", () => {
    const extensions = [{ name: "uuid-ossp", version: "1", schema: "Ext" }];
    assert.deepEqual(
      prepareSql({ schemas: ['a"b'], extensions, customSrids: [] }, "")
        .split("\n")
        .slice(2, 4),
      [
        'CREATE SCHEMA IF NOT EXISTS "a""b";',
        'CREATE EXTENSION IF NOT EXISTS "uuid-ossp" SCHEMA "Ext" CASCADE;',
      ],
    );
  });

  it("adds spatial reference systems to PostGIS, wherever it is", () => {
    const srid = { srid: 990001, auth_name: "o'b", auth_srid: null, srtext: "a\\b", proj4text: "" };
    assert.match(
      prepareSql({ schemas: [], extensions: [postgis], customSrids: [srid] }, ""),
      /^INSERT INTO "gis"\.spatial_ref_sys \(.*\) VALUES \(990001, 'o''b', NULL,  ?E'a\\\\b', ''\) ON CONFLICT DO NOTHING;$/m,
    );
  });

  it("says whether it can be run again", () => {
    const nothing = { schemas: [], extensions: [], customSrids: [] };
    assert.match(prepareSql(nothing, ""), /^-- It can be run again/m);
    assert.match(
      prepareSql(nothing, "CREATE TYPE x AS ENUM ();\n"),
      /^-- It cannot be run twice[^]*\nCREATE TYPE x/m,
    );
  });
});

describe("standard error of libpq's programs", () => {
  it("is shown without progress", () => {
    const stderr =
      "pg_dump: reading schemas\npg_dump: error: query failed: ERROR:  boom\npg_dump: detail: Query was: X\nDETAIL:  y";
    assert.equal(
      errorLines(stderr),
      "pg_dump: error: query failed: ERROR:  boom\npg_dump: detail: Query was: X\nDETAIL:  y",
    );
  });
});

describe("the table names in a result", () => {
  it("are all there when they fit", () => {
    assert.deepEqual(summarizeTables(["a", "b"]), ["a", "b"]);
  });

  it("are cut, and say so, when a thousand of them would not", () => {
    const names = Array.from({ length: 1000 }, (_, i) => `public.parcels_${i}`);
    const kept = summarizeTables(names);
    assert.ok(Buffer.byteLength(JSON.stringify(kept)) < 2100);
    assert.equal(kept.at(-1), `and ${1000 - kept.length + 1} more, listed in the manifest`);
  });
});

describe("the runner's path in a command", () => {
  it("does not depend on where the checkout or the home lies", () => {
    assert.equal(
      runnerPath("/work/a/dist/postgis-backup.js", "/work/a", "/root/.pulumi"),
      "dist/postgis-backup.js",
    );
    assert.equal(
      runnerPath("/u/x/node_modules/postgis-backup/dist/postgis-backup.js", "/u/x", "/u/.pulumi"),
      "node_modules/postgis-backup/dist/postgis-backup.js",
    );
    assert.equal(
      runnerPath("/u/.pulumi/plugins/p-v1/dist/postgis-backup.js", "/work", "/u/.pulumi"),
      '"${PULUMI_HOME:-$HOME/.pulumi}"/plugins/p-v1/dist/postgis-backup.js',
    );
    assert.equal(runnerPath("/a b/it's/main.js", "/a b", path.resolve("/u/.pulumi")), "'it'\\''s/main.js'");
  });
});

describe("server settings", () => {
  it("replace defaults one by one", () => {
    const command = serverCommand({ work_mem: "1GB" });
    assert.equal(command[0], "postgres");
    assert.ok(
      command.includes("work_mem=1GB") &&
        command.includes("shared_buffers=1GB") &&
        !command.includes("work_mem=32MB"),
    );
  });

  it("know where images keep their data", () => {
    assert.equal(dataFolder("postgis/postgis:18-3.6"), "/var/lib/postgresql");
    assert.equal(dataFolder("registry:5000/mdillon/postgis:latest"), "/var/lib/postgresql/data");
  });
});
