import assert from "node:assert/strict";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { Client } from "pg";
import { buildImage } from "../../offline/image/build";
import { cache } from "../../setup/paths";
import { docker, TestContainer } from "../support/container";
import { environment } from "../support/environment";

const password = "a 'quoted' $word";

describe("offline image", function () {
  this.timeout(600_000);

  const database = new TestContainer();
  let folder: string;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "offline-image-"));
    // Containers read it as another user.
    await chmod(folder, 0o755);
    await writeFile(join(folder, "password"), `${password}\n`);
    const mounts = await initScripts(folder, {
      "20-table.sql": "CREATE TABLE steps (step serial, name text, listens text);",
      "30-packed.sql.gz": gzipSync(step("packed")),
      "40-executable.sh": `#!/bin/bash\npsql -U "$POSTGRES_USER" -d "$POSTGRES_DB" -c "${step("executable")}"\n`,
      "50-sourced.sh": `docker_process_sql -c "${step("sourced")}"\n`,
      "60-ignored.txt": "nothing",
    });
    await database.run(
      [
        ...["--publish", "127.0.0.1::5432", ...mounts],
        ...["--volume", `${join(folder, "password")}:/run/password:ro`],
        ...["--env", "POSTGRES_DB=gis", "--env", "POSTGRES_PASSWORD_FILE=/run/password"],
        ...["--env", "POSTGRES_INITDB_ARGS=--data-checksums --set 'work_mem=5MB'"],
      ],
      ["-c", "shared_buffers=48MB"],
    );
    await database.ready();
  });

  after(async () => {
    await database.remove();
    await rm(folder, { recursive: true, force: true });
  });

  it("is built once only", async () => {
    const lines: string[] = [];
    const tag = await buildImage({
      version: "17-3.5",
      cacheDir: join(cache, "image"),
      log: (line) => lines.push(line),
    });
    assert.equal(tag, "postgis-backup-offline/postgis:17-3.5");
    assert.deepEqual(lines, [`${tag} is up to date`]);
  });

  it("runs init scripts in order, while nobody can connect over TCP", async () => {
    assert.deepEqual(await database.rows("SELECT name, listens FROM steps ORDER BY step"), [
      { name: "packed", listens: "" },
      { name: "executable", listens: "" },
      { name: "sourced", listens: "" },
    ]);
    assert.match(await database.logs(), /ignoring \/docker-entrypoint-initdb.d\/60-ignored.txt/);
  });

  it("passes on settings of initdb and of the server", async () => {
    const [row] = await database.rows(
      `SELECT current_setting('data_checksums') AS sums, current_setting('work_mem') AS memory,
              current_setting('shared_buffers') AS buffers, current_setting('data_directory') AS data`,
    );
    assert.deepEqual(row, { sums: "on", memory: "5MB", buffers: "48MB", data: "/var/lib/postgresql/data" });
  });

  it("has PostgreSQL 17 with PostGIS 3.5, and knows projections", async () => {
    const [row] = await database.rows<{ server: string; postgis: string; metres: number }>(
      `SELECT current_setting('server_version') AS server, PostGIS_Lib_Version() AS postgis,
              round(ST_X(ST_Transform(ST_SetSRID(ST_MakePoint(10, 52), 4326), 3035))) AS metres`,
    );
    assert.match(row?.server ?? "", /^17\./);
    assert.match(row?.postgis ?? "", /^3\.5\./);
    assert.equal(row?.metres, 4_321_000);
    const extensions = await database.rows<{ extname: string }>(
      "SELECT extname FROM pg_extension ORDER BY 1",
    );
    assert.deepEqual(
      extensions.map(({ extname }) => extname),
      ["fuzzystrmatch", "plpgsql", "postgis", "postgis_tiger_geocoder", "postgis_topology"],
    );
    assert.equal((await database.rows("SELECT PostGIS_Version()", "template_postgis")).length, 1);
  });

  it("lets an unknown user of the container use the clients", async () => {
    const { code, output } = await docker(
      ...["exec", "--user", "54321:54321", database.name],
      ...["pg_dump", "--username=postgres", "--dbname=gis", "--table=steps"],
    );
    assert.equal(code, 0, output);
    assert.match(output, /COPY public.steps/);
  });

  it("runs the server as postgres, user 999", async () => {
    const { output } = await docker("exec", database.name, "stat", "--format=%u %U", "/proc/1");
    assert.equal(output, "999 postgres");
  });

  it("demands the password over TCP from outside", async () => {
    assert.equal(await connect(await database.port(), password), "connected");
    assert.equal(await connect(await database.port(), "wrong"), "28P01");
  });

  it("shuts down cleanly when stopped, and keeps its data without a second initialisation", async () => {
    await docker("stop", database.name);
    assert.match(await database.logs(), /database system is shut down\s*$/);
    assert.equal(await database.exitCode(), 0);

    await docker("start", database.name);
    await database.ready();
    assert.deepEqual(await database.rows("SELECT count(*) FROM steps"), [{ count: 3 }]);
    const logs = await database.logs();
    assert.match(logs, /Skipping initialization/);
    assert.doesNotMatch(logs, /not properly shut down/);
    assert.equal(logs.match(/running \/docker-entrypoint-initdb.d\/20-table.sql/g)?.length, 1);
  });

  it("runs another command in place of the server", async () => {
    const { code, output } = await docker("run", "--rm", (await environment).image, "pg_dump", "--version");
    assert.equal(code, 0, output);
    assert.match(output, /^pg_dump \(PostgreSQL\) 17\./);
  });

  describe("refuses to start", () => {
    it("without a password", async () => {
      const { code, logs } = await failedStart([]);
      assert.equal(code, 1);
      assert.match(logs, /superuser password is not specified/);
    });

    it("with a password both given and in a file", async () => {
      const { code, logs } = await failedStart([
        "--env=POSTGRES_PASSWORD=a",
        "--env=POSTGRES_PASSWORD_FILE=/b",
      ]);
      assert.equal(code, 1);
      assert.match(logs, /both POSTGRES_PASSWORD and POSTGRES_PASSWORD_FILE are set/);
    });

    it("with an init script that fails", async () => {
      const mounts = await initScripts(folder, { "20-broken.sql": "SELECT 1 / 0; SELECT 'reached';" });
      const { code, logs } = await failedStart(["--env=POSTGRES_PASSWORD=a", ...mounts]);
      assert.equal(code, 3);
      assert.match(logs, /division by zero/);
      assert.doesNotMatch(logs, /reached|ready for start up/);
    });
  });

  it("trusts everyone where told to, and starts as any user", async () => {
    const open = new TestContainer();
    try {
      await open.run([
        ...["--user", "54321:54321", "--tmpfs", "/var/lib/postgresql/data:uid=54321"],
        ...["--publish", "127.0.0.1::5432", "--env=POSTGRES_HOST_AUTH_METHOD=trust", "--env=POSTGRES_DB=gis"],
      ]);
      await open.ready();
      assert.equal(await connect(await open.port(), "whatever"), "connected");
    } finally {
      await open.remove();
    }
  });
});

function step(name: string): string {
  return `INSERT INTO steps (name, listens) VALUES ('${name}', current_setting('listen_addresses'));`;
}

/** Writes scripts and returns the options that mount each into the folder of the image's own scripts. */
async function initScripts(folder: string, scripts: Record<string, string | Buffer>): Promise<string[]> {
  const mounts = Object.entries(scripts).map(async ([name, content]) => {
    const file = join(folder, name);
    await writeFile(file, content, { mode: name.includes("executable") ? 0o755 : 0o644 });
    return ["--volume", `${file}:/docker-entrypoint-initdb.d/${name}:ro`];
  });
  return (await Promise.all(mounts)).flat();
}

async function failedStart(options: string[]): Promise<{ code: number; logs: string }> {
  const container = new TestContainer();
  try {
    await container.run(options);
    return { code: await container.exitCode(), logs: await container.logs() };
  } finally {
    await container.remove();
  }
}

/** "connected", or the code by which the database refuses. */
async function connect(port: number, secret: string): Promise<string> {
  const client = new Client({ host: "127.0.0.1", port, user: "postgres", database: "gis", password: secret });
  try {
    await client.connect();
    return "connected";
  } catch (error) {
    return (error as { code?: string }).code ?? String(error);
  } finally {
    await client.end();
  }
}
