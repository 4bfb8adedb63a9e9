"use strict";
var __importDefault = (this && this.__importDefault) || function (mod) {
    return (mod && mod.__esModule) ? mod : { "default": mod };
};
Object.defineProperty(exports, "__esModule", { value: true });
exports.dumping = exports.ways = exports.tables = void 0;
exports.setScene = setScene;
exports.backupArguments = backupArguments;
exports.startBackup = startBackup;
exports.takeBackup = takeBackup;
exports.sessionRunning = sessionRunning;
exports.terminateSession = terminateSession;
const promises_1 = require("node:fs/promises");
const node_path_1 = __importDefault(require("node:path"));
const promises_2 = require("node:timers/promises");
const execa_1 = require("execa");
const container_1 = require("./container");
const resources_1 = require("./resources");
const runner_1 = require("./runner");
/** With so many rows as take long enough to dump, with the compression below, for a fault to strike meanwhile. */
const tables = (rows = 1_500_000) => `
CREATE TABLE small AS SELECT 1 AS x;
CREATE TABLE large AS SELECT g, md5(g::text) || md5((-g)::text) AS noise FROM generate_series(1, ${rows}) g;`;
exports.tables = tables;
exports.ways = [
    { title: "directory", format: "directory", mounted: true },
    { title: "custom, mounted", format: "custom", mounted: true },
    { title: "custom, streamed", format: "custom", mounted: false },
    { title: "plain, streamed", format: "plain", mounted: false },
    { title: "plain, mounted", format: "plain", mounted: true },
];
/** By default in a folder of its own, which goes with the scene. */
async function setScene({ statements = (0, exports.tables)(), folder: given, options = [], } = {}) {
    const folder = given ?? (await (0, resources_1.temporaryFolder)());
    const mounted = node_path_1.default.join(folder, "mounted");
    await (0, promises_1.mkdir)(mounted);
    const container = await (0, container_1.startServer)({ mount: mounted, options });
    await (0, resources_1.sql)(container, statements);
    return {
        container,
        directory: (way) => (way.mounted ? mounted : node_path_1.default.join(folder, "elsewhere")),
        remove: async () => {
            await (0, resources_1.removeContainer)(container);
            if (given === undefined)
                await (0, resources_1.removeFolder)(folder);
        },
    };
}
function backupArguments({ container, directory, table, format, more }) {
    return [
        ...["backup", "--container", container, "--table", table],
        ...["--directory", directory, "--name", "cbm", "--format", format ?? "directory"],
        ...["--compression", "gzip:9", ...(more ?? [])],
    ];
}
/** Starts the runner; `ended` gives what became of it. */
function startBackup(args, env = {}) {
    const started = performance.now();
    const child = (0, execa_1.execa)("node", [runner_1.runnerMain, ...backupArguments(args)], {
        reject: false,
        env,
        stdin: "ignore",
    });
    const ended = child.then(({ exitCode, stdout, stderr }) => ({
        exitCode,
        stdout,
        stderr,
        seconds: (performance.now() - started) / 1000,
    }));
    return { child, ended };
}
/** A backup that must succeed; gives its id. */
async function takeBackup(args) {
    const { exitCode, stderr } = await startBackup(args).ended;
    if (exitCode !== 0)
        throw new Error(`the backup failed:\n${stderr}`);
    return (0, promises_1.readlink)(node_path_1.default.join(args.directory, "cbm", "latest"));
}
/** Waits until a session of the runner runs such a query; gives the process id of its backend. */
async function sessionRunning(container, query, database = "postgres") {
    for (let attempt = 0; attempt < 200; attempt++) {
        const pid = await (0, resources_1.sql)(container, `SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'postgis-backup%' AND query LIKE '${query}' LIMIT 1`, database);
        if (pid !== "")
            return Number(pid);
        await (0, promises_2.setTimeout)(50);
    }
    throw new Error(`no session came to run ${query}`);
}
const dumping = (container) => sessionRunning(container, "COPY public.large%");
exports.dumping = dumping;
/** Ends, from within the server, the first session of the runner that such a condition on pg_stat_activity is true of. */
async function terminateSession(container, condition) {
    await (0, resources_1.sql)(container, `DO $$
     BEGIN
       FOR attempt IN 1..10000 LOOP
         PERFORM pg_stat_clear_snapshot();
         PERFORM pg_terminate_backend(pid) FROM pg_stat_activity
           WHERE application_name LIKE 'postgis-backup%' AND (${condition});
         IF FOUND THEN RETURN; END IF;
         PERFORM pg_sleep(0.001);
       END LOOP;
       RAISE 'no such session came';
     END $$`);
}
