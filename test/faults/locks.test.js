"use strict";
var __importDefault = (this && this.__importDefault) || function (mod) {
    return (mod && mod.__esModule) ? mod : { "default": mod };
};
Object.defineProperty(exports, "__esModule", { value: true });
const strict_1 = __importDefault(require("node:assert/strict"));
const node_child_process_1 = require("node:child_process");
const backup_1 = require("../support/backup");
const container_1 = require("../support/container");
const resources_1 = require("../support/resources");
describe("a table that somebody else has locked", function () {
    this.timeout(60_000);
    let container;
    let directory;
    before(async () => {
        directory = await (0, resources_1.temporaryFolder)();
        container = await (0, container_1.startServer)({ mount: directory });
        await (0, resources_1.sql)(container, "CREATE TABLE free (a int); CREATE TABLE locked (a int); INSERT INTO locked VALUES (1)");
    });
    after(async () => {
        await (0, resources_1.removeContainer)(container);
        await (0, resources_1.removeFolder)(directory);
    });
    /** Holds ACCESS EXCLUSIVE on the table, in a transaction that then sleeps. */
    async function lock(seconds, name) {
        const script = `BEGIN; ALTER TABLE locked ADD COLUMN b${Date.now()} int; SELECT pg_sleep(${seconds}); COMMIT;`;
        const psql = ["psql", "-X", "-q", "-h", "127.0.0.1", "-U", "postgres", "-c", script];
        (0, node_child_process_1.spawn)("docker", ["exec", "--env", `PGAPPNAME=${name}`, container, ...psql], { stdio: "ignore" });
        const query = `SELECT count(*) FROM pg_stat_activity WHERE application_name = '${name}' AND wait_event = 'PgSleep'`;
        while ((await (0, resources_1.sql)(container, query)) === "0")
            await new Promise((resolve) => setTimeout(resolve, 50));
    }
    const sessions = () => (0, resources_1.sql)(container, "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'postgis-backup%'");
    it("fails the backup after the timeout, with the process, user, query and age of who holds it", async () => {
        await lock(600, "migration");
        try {
            const more = ["--lock-timeout", "3"];
            const message = await (0, backup_1.failBackup)({ container, directory, tables: ["free", "locked"], more });
            strict_1.default.match(message, /^error\[lock-timeout\]: Gave up after 3 s\. public\.locked is locked by process \d+ \(postgres, migration\), active for \d+ s: BEGIN; ALTER TABLE locked/);
            strict_1.default.match(message, /SELECT pg_terminate_backend\(\d+\)/);
            strict_1.default.equal(await sessions(), "0");
            const { manifest } = await (0, backup_1.takeBackup)({ container, directory, tables: ["free"], more });
            strict_1.default.equal(manifest.tables.length, 1, "others are not kept waiting");
        }
        finally {
            await (0, resources_1.sql)(container, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'migration'");
        }
    });
    it("delays the backup until the lock is free, and says so", async () => {
        await lock(4, "short");
        const { manifest, stderr } = await (0, backup_1.takeBackup)({ container, directory, tables: ["free", "locked"] });
        strict_1.default.match(stderr, /^Waiting for a lock\. public\.locked is locked by process \d+ \(postgres, short\)/m);
        strict_1.default.equal(manifest.tables.length, 2);
    });
});
