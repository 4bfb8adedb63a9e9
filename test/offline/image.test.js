"use strict";
var __importDefault = (this && this.__importDefault) || function (mod) {
    return (mod && mod.__esModule) ? mod : { "default": mod };
};
Object.defineProperty(exports, "__esModule", { value: true });
const strict_1 = __importDefault(require("node:assert/strict"));
const promises_1 = require("node:fs/promises");
const node_os_1 = require("node:os");
const node_path_1 = require("node:path");
const node_zlib_1 = require("node:zlib");
const pg_1 = require("pg");
const build_1 = require("../../offline/image/build");
const paths_1 = require("../../setup/paths");
const container_1 = require("../support/container");
const environment_1 = require("../support/environment");
const password = "a 'quoted' $word";
describe("offline image", function () {
    this.timeout(600_000);
    const database = new container_1.TestContainer();
    let folder;
    before(async () => {
        folder = await (0, promises_1.mkdtemp)((0, node_path_1.join)((0, node_os_1.tmpdir)(), "offline-image-"));
        // Containers read it as another user.
        await (0, promises_1.chmod)(folder, 0o755);
        await (0, promises_1.writeFile)((0, node_path_1.join)(folder, "password"), `${password}\n`);
        const mounts = await initScripts(folder, {
            "20-table.sql": "CREATE TABLE steps (step serial, name text, listens text);",
            "30-packed.sql.gz": (0, node_zlib_1.gzipSync)(step("packed")),
            "40-executable.sh": `#!/bin/bash\npsql -U "$POSTGRES_USER" -d "$POSTGRES_DB" -c "${step("executable")}"\n`,
            "50-sourced.sh": `docker_process_sql -c "${step("sourced")}"\n`,
            "60-ignored.txt": "nothing",
        });
        await database.run([
            ...["--publish", "127.0.0.1::5432", ...mounts],
            ...["--volume", `${(0, node_path_1.join)(folder, "password")}:/run/password:ro`],
            ...["--env", "POSTGRES_DB=gis", "--env", "POSTGRES_PASSWORD_FILE=/run/password"],
            ...["--env", "POSTGRES_INITDB_ARGS=--data-checksums --set 'work_mem=5MB'"],
        ], ["-c", "shared_buffers=48MB"]);
        await database.ready();
    });
    after(async () => {
        await database.remove();
        await (0, promises_1.rm)(folder, { recursive: true, force: true });
    });
    it("is built once only", async () => {
        const lines = [];
        const tag = await (0, build_1.buildImage)({
            version: "17-3.5",
            cacheDir: (0, node_path_1.join)(paths_1.cache, "image"),
            log: (line) => lines.push(line),
        });
        strict_1.default.equal(tag, "postgis-backup-offline/postgis:17-3.5");
        strict_1.default.deepEqual(lines, [`${tag} is up to date`]);
    });
    it("runs init scripts in order, while nobody can connect over TCP", async () => {
        strict_1.default.deepEqual(await database.rows("SELECT name, listens FROM steps ORDER BY step"), [
            { name: "packed", listens: "" },
            { name: "executable", listens: "" },
            { name: "sourced", listens: "" },
        ]);
        strict_1.default.match(await database.logs(), /ignoring \/docker-entrypoint-initdb.d\/60-ignored.txt/);
    });
    it("passes on settings of initdb and of the server", async () => {
        const [row] = await database.rows(`SELECT current_setting('data_checksums') AS sums, current_setting('work_mem') AS memory,
              current_setting('shared_buffers') AS buffers, current_setting('data_directory') AS data`);
        strict_1.default.deepEqual(row, { sums: "on", memory: "5MB", buffers: "48MB", data: "/var/lib/postgresql/data" });
    });
    it("has PostgreSQL 17 with PostGIS 3.5, and knows projections", async () => {
        const [row] = await database.rows(`SELECT current_setting('server_version') AS server, PostGIS_Lib_Version() AS postgis,
              round(ST_X(ST_Transform(ST_SetSRID(ST_MakePoint(10, 52), 4326), 3035))) AS metres`);
        strict_1.default.match(row?.server ?? "", /^17\./);
        strict_1.default.match(row?.postgis ?? "", /^3\.5\./);
        strict_1.default.equal(row?.metres, 4_321_000);
        const extensions = await database.rows("SELECT extname FROM pg_extension ORDER BY 1");
        strict_1.default.deepEqual(extensions.map(({ extname }) => extname), ["fuzzystrmatch", "plpgsql", "postgis", "postgis_tiger_geocoder", "postgis_topology"]);
        strict_1.default.equal((await database.rows("SELECT PostGIS_Version()", "template_postgis")).length, 1);
    });
    it("lets an unknown user of the container use the clients", async () => {
        const { code, output } = await (0, container_1.docker)(...["exec", "--user", "54321:54321", database.name], ...["pg_dump", "--username=postgres", "--dbname=gis", "--table=steps"]);
        strict_1.default.equal(code, 0, output);
        strict_1.default.match(output, /COPY public.steps/);
    });
    it("runs the server as postgres, user 999", async () => {
        const { output } = await (0, container_1.docker)("exec", database.name, "stat", "--format=%u %U", "/proc/1");
        strict_1.default.equal(output, "999 postgres");
    });
    it("demands the password over TCP from outside", async () => {
        strict_1.default.equal(await connect(await database.port(), password), "connected");
        strict_1.default.equal(await connect(await database.port(), "wrong"), "28P01");
    });
    it("shuts down cleanly when stopped, and keeps its data without a second initialisation", async () => {
        await (0, container_1.docker)("stop", database.name);
        strict_1.default.match(await database.logs(), /database system is shut down\s*$/);
        strict_1.default.equal(await database.exitCode(), 0);
        await (0, container_1.docker)("start", database.name);
        await database.ready();
        strict_1.default.deepEqual(await database.rows("SELECT count(*) FROM steps"), [{ count: 3 }]);
        const logs = await database.logs();
        strict_1.default.match(logs, /Skipping initialization/);
        strict_1.default.doesNotMatch(logs, /not properly shut down/);
        strict_1.default.equal(logs.match(/running \/docker-entrypoint-initdb.d\/20-table.sql/g)?.length, 1);
    });
    it("runs another command in place of the server", async () => {
        const { code, output } = await (0, container_1.docker)("run", "--rm", (await environment_1.environment).image, "pg_dump", "--version");
        strict_1.default.equal(code, 0, output);
        strict_1.default.match(output, /^pg_dump \(PostgreSQL\) 17\./);
    });
    describe("refuses to start", () => {
        it("without a password", async () => {
            const { code, logs } = await failedStart([]);
            strict_1.default.equal(code, 1);
            strict_1.default.match(logs, /superuser password is not specified/);
        });
        it("with a password both given and in a file", async () => {
            const { code, logs } = await failedStart([
                "--env=POSTGRES_PASSWORD=a",
                "--env=POSTGRES_PASSWORD_FILE=/b",
            ]);
            strict_1.default.equal(code, 1);
            strict_1.default.match(logs, /both POSTGRES_PASSWORD and POSTGRES_PASSWORD_FILE are set/);
        });
        it("with an init script that fails", async () => {
            const mounts = await initScripts(folder, { "20-broken.sql": "SELECT 1 / 0; SELECT 'reached';" });
            const { code, logs } = await failedStart(["--env=POSTGRES_PASSWORD=a", ...mounts]);
            strict_1.default.equal(code, 3);
            strict_1.default.match(logs, /division by zero/);
            strict_1.default.doesNotMatch(logs, /reached|ready for start up/);
        });
    });
    it("trusts everyone where told to, and starts as any user", async () => {
        const open = new container_1.TestContainer();
        try {
            await open.run([
                ...["--user", "54321:54321", "--tmpfs", "/var/lib/postgresql/data:uid=54321"],
                ...["--publish", "127.0.0.1::5432", "--env=POSTGRES_HOST_AUTH_METHOD=trust", "--env=POSTGRES_DB=gis"],
            ]);
            await open.ready();
            strict_1.default.equal(await connect(await open.port(), "whatever"), "connected");
        }
        finally {
            await open.remove();
        }
    });
});
function step(name) {
    return `INSERT INTO steps (name, listens) VALUES ('${name}', current_setting('listen_addresses'));`;
}
/** Writes scripts and returns the options that mount each into the folder of the image's own scripts. */
async function initScripts(folder, scripts) {
    const mounts = Object.entries(scripts).map(async ([name, content]) => {
        const file = (0, node_path_1.join)(folder, name);
        await (0, promises_1.writeFile)(file, content, { mode: name.includes("executable") ? 0o755 : 0o644 });
        return ["--volume", `${file}:/docker-entrypoint-initdb.d/${name}:ro`];
    });
    return (await Promise.all(mounts)).flat();
}
async function failedStart(options) {
    const container = new container_1.TestContainer();
    try {
        await container.run(options);
        return { code: await container.exitCode(), logs: await container.logs() };
    }
    finally {
        await container.remove();
    }
}
/** "connected", or the code by which the database refuses. */
async function connect(port, secret) {
    const client = new pg_1.Client({ host: "127.0.0.1", port, user: "postgres", database: "gis", password: secret });
    try {
        await client.connect();
        return "connected";
    }
    catch (error) {
        return error.code ?? String(error);
    }
    finally {
        await client.end();
    }
}
