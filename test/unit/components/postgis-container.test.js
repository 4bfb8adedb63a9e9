"use strict";
var __createBinding = (this && this.__createBinding) || (Object.create ? (function(o, m, k, k2) {
    if (k2 === undefined) k2 = k;
    var desc = Object.getOwnPropertyDescriptor(m, k);
    if (!desc || ("get" in desc ? !m.__esModule : desc.writable || desc.configurable)) {
      desc = { enumerable: true, get: function() { return m[k]; } };
    }
    Object.defineProperty(o, k2, desc);
}) : (function(o, m, k, k2) {
    if (k2 === undefined) k2 = k;
    o[k2] = m[k];
}));
var __setModuleDefault = (this && this.__setModuleDefault) || (Object.create ? (function(o, v) {
    Object.defineProperty(o, "default", { enumerable: true, value: v });
}) : function(o, v) {
    o["default"] = v;
});
var __importStar = (this && this.__importStar) || (function () {
    var ownKeys = function(o) {
        ownKeys = Object.getOwnPropertyNames || function (o) {
            var ar = [];
            for (var k in o) if (Object.prototype.hasOwnProperty.call(o, k)) ar[ar.length] = k;
            return ar;
        };
        return ownKeys(o);
    };
    return function (mod) {
        if (mod && mod.__esModule) return mod;
        var result = {};
        if (mod != null) for (var k = ownKeys(mod), i = 0; i < k.length; i++) if (k[i] !== "default") __createBinding(result, mod, k[i]);
        __setModuleDefault(result, mod);
        return result;
    };
})();
var __importDefault = (this && this.__importDefault) || function (mod) {
    return (mod && mod.__esModule) ? mod : { "default": mod };
};
Object.defineProperty(exports, "__esModule", { value: true });
const strict_1 = __importDefault(require("node:assert/strict"));
const node_path_1 = __importDefault(require("node:path"));
const pulumi = __importStar(require("@pulumi/pulumi"));
const components_1 = require("../../../components");
const mocks_1 = require("./mocks");
async function declare(args, options = {}) {
    const registered = await (0, mocks_1.startMocks)(options);
    const database = new components_1.PostgisContainer("db", args);
    await (0, mocks_1.settled)();
    const child = (name) => {
        const found = registered.find((resource) => resource.name === name);
        strict_1.default.ok(found, `${name} is not registered`);
        return found;
    };
    return { database, registered, child };
}
describe("PostgisContainer", () => {
    it("declares exactly these children", async () => {
        const { registered } = await declare({ password: "p" });
        strict_1.default.deepEqual(registered.map(({ type, name }) => `${name} ${type}`).sort(), [
            "db postgis-backup:index:PostgisContainer",
            "db-container docker:index/container:Container",
            "db-preflight command:local:Command",
            "db-ready command:local:Command",
            "db-volume docker:index/volume:Volume",
        ]);
    });
    it("gives the container exactly these inputs by default", async () => {
        const { child } = await declare({ password: "p" });
        const { command, healthcheck, ...inputs } = child("db-container").inputs;
        strict_1.default.deepEqual(inputs, {
            name: "db",
            image: "postgis/postgis:17-3.5",
            envs: [
                "POSTGRES_USER=postgres",
                "POSTGRES_DB=postgres",
                "POSTGRES_PASSWORD_FILE=/run/postgis-backup/password",
            ],
            uploads: (0, mocks_1.secret)([{ file: "/run/postgis-backup/password", content: "p", permissions: "0444" }]),
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
        strict_1.default.deepEqual(command.slice(0, 3), ["postgres", "-c", "shared_buffers=1GB"]);
        strict_1.default.deepEqual(healthcheck, {
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
        const command = inputs["command"];
        strict_1.default.ok(command.includes("shared_buffers=8GB") && command.includes("jit=off"));
        strict_1.default.ok(!command.includes("shared_buffers=1GB"));
        strict_1.default.deepEqual(inputs["mounts"], [
            { type: "volume", source: "vol", target: "/var/lib/postgresql" },
            { type: "bind", source: node_path_1.default.resolve("backups"), target: "/backups" },
            {
                type: "bind",
                source: node_path_1.default.resolve("init/a.sql"),
                target: "/docker-entrypoint-initdb.d/a.sql",
                readOnly: true,
            },
            { type: "bind", source: "/srv/b.sh", target: "/docker-entrypoint-initdb.d/b.sh", readOnly: true },
        ]);
        strict_1.default.deepEqual(inputs["envs"], [
            "TZ=UTC",
            "POSTGRES_USER=cbm",
            "POSTGRES_DB=gis",
            "POSTGRES_PASSWORD_FILE=/run/postgis-backup/password",
        ]);
        strict_1.default.deepEqual(inputs["ports"], [{ internal: 5432, external: 6000, ip: "0.0.0.0" }]);
        strict_1.default.deepEqual(inputs["networksAdvanced"], [{ name: "net" }]);
        strict_1.default.deepEqual([inputs["memory"], inputs["memorySwap"], inputs["shmSize"]], [2048, 4096, 64]);
        strict_1.default.deepEqual(inputs["labels"], [
            { label: "team", value: "gis" },
            { label: "postgis-backup.owner", value: "acme/postgis-backup/test/db" },
        ]);
        strict_1.default.deepEqual(child("db-volume").inputs, { name: "vol", labels: inputs["labels"] });
    });
    it("asks the runner for a preflight, then waits with the password in the environment alone", async () => {
        const { child } = await declare({ password: "geheim", port: 6000, backupDirectory: "b" });
        const preflight = child("db-preflight").inputs;
        const request = {
            container: "db",
            owner: "acme/postgis-backup/test/db",
            hostAddress: "127.0.0.1",
            port: 6000,
            backupDirectory: "b",
        };
        strict_1.default.deepEqual(JSON.parse(String(preflight["stdin"])), request);
        strict_1.default.deepEqual(preflight["triggers"], [request]);
        strict_1.default.deepEqual(preflight["environment"], {});
        const ready = child("db-ready").inputs;
        strict_1.default.equal(ready["create"], ready["update"]);
        strict_1.default.deepEqual(JSON.parse(String(ready["stdin"])), {
            container: "db",
            user: "postgres",
            database: "postgres",
        });
        strict_1.default.deepEqual(ready["environment"], (0, mocks_1.secret)({ PGPASSWORD: "geheim" }));
        strict_1.default.deepEqual(ready["triggers"], ["db-container-id"]);
        strict_1.default.equal(ready["logging"], "stderr");
    });
    it("keeps the URI secret and the connection free of secrets", async () => {
        const { database } = await declare({ password: "p@ss:/w", hostAddress: "0.0.0.0", database: "a b" });
        strict_1.default.equal(await pulumi.isSecret(database.uri), true);
        strict_1.default.equal(await (0, mocks_1.valueOf)(database.uri), "postgresql://postgres:p%40ss%3A%2Fw@127.0.0.1:5433/a%20b");
        strict_1.default.equal(await pulumi.isSecret(database.connection), false);
        strict_1.default.deepEqual(await (0, mocks_1.valueOf)(database.connection), {
            container: "db",
            user: "postgres",
            database: "a b",
        });
    });
    it("knows the connection in a preview, before anything exists", async () => {
        const { database } = await declare({ password: "p" }, { preview: true });
        strict_1.default.deepEqual(await (0, mocks_1.valueOf)(database.connection), {
            container: "db",
            user: "postgres",
            database: "postgres",
        });
    });
    it("previews with values that are not known yet", async () => {
        const registered = await (0, mocks_1.startMocks)({ preview: true });
        const database = new components_1.PostgisContainer("db", { password: "p", containerName: (0, mocks_1.unknownOutput)() });
        await (0, mocks_1.settled)();
        strict_1.default.equal(await (0, mocks_1.valueOf)(database.connection), undefined);
        const container = registered.find(({ name }) => name === "db-container");
        strict_1.default.ok(pulumi.containsUnknowns(container?.inputs["name"]));
        strict_1.default.equal(container?.inputs["image"], "postgis/postgis:17-3.5");
    });
    it("never stores a password in the clear, even if it was given so", async () => {
        const { registered } = await declare({ password: "geheim" });
        const clear = registered.map(({ inputs }) => JSON.stringify(inputs, (_, value) => (isSecret(value) ? "[secret]" : value)));
        strict_1.default.ok(clear.every((text) => !text.includes("geheim")));
        strict_1.default.ok(clear.some((text) => text.includes("[secret]")));
    });
    it("refuses a wrong argument at once, and names it", async () => {
        await (0, mocks_1.startMocks)();
        strict_1.default.throws(() => new components_1.PostgisContainer("db", { password: "p", port: 70000 }), (error) => pulumi.ResourceError.isInstance(error) && /^port: .*65535/.test(error.message));
    });
});
function isSecret(value) {
    return typeof value === "object" && value !== null && "4dabf18193072939515e22adb298388d" in value;
}
