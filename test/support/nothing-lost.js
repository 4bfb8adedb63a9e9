"use strict";
var __importDefault = (this && this.__importDefault) || function (mod) {
    return (mod && mod.__esModule) ? mod : { "default": mod };
};
Object.defineProperty(exports, "__esModule", { value: true });
exports.rememberBackups = rememberBackups;
exports.expectNothingLost = expectNothingLost;
const strict_1 = __importDefault(require("node:assert/strict"));
const node_crypto_1 = require("node:crypto");
const promises_1 = require("node:fs/promises");
const node_path_1 = __importDefault(require("node:path"));
const promises_2 = require("node:timers/promises");
const execa_1 = require("execa");
const container_1 = require("./container");
const resources_1 = require("./resources");
async function rememberBackups(container, directory) {
    const series = node_path_1.default.join(directory, "cbm");
    const { output } = await (0, container_1.docker)("inspect", "--format={{.Id}}", container);
    return {
        container,
        containerId: output,
        series,
        files: await completeFiles(series),
        latest: await (0, promises_1.readlink)(node_path_1.default.join(series, "latest")),
        hidden: await hiddenNames(series),
    };
}
/** After a fault: earlier backups as they were, nothing half done under a final name, nothing left running, one message. */
async function expectNothingLost(before, outcome, expected) {
    expectOneMessage(outcome, expected);
    const series = expected.series ?? before.series;
    strict_1.default.deepEqual(await completeFiles(series), before.files, "an earlier backup changed, or a half one appeared");
    strict_1.default.equal(await (0, promises_1.readlink)(node_path_1.default.join(series, "latest")), before.latest);
    if (expected.partial !== "left") {
        strict_1.default.deepEqual((await hiddenNames(series)).filter((name) => !before.hidden.includes(name)), [], "a folder of this run is left");
    }
    if (expected.container !== "gone")
        await untilNothingRemains(() => remainsInContainer(before.container));
    await untilNothingRemains(() => clientsOnHost(before.containerId));
}
function expectOneMessage({ exitCode, stdout, stderr }, expected) {
    for (const secret of expected.secrets ?? []) {
        strict_1.default.ok(!`${stdout}${stderr}`.includes(secret), `the output tells a secret:\n${stderr}`);
    }
    if (expected.code === undefined) {
        strict_1.default.notEqual(exitCode, 0);
        return;
    }
    strict_1.default.equal(exitCode, 1, stderr);
    strict_1.default.equal(stdout, "", "a failed run has no result");
    const messages = stderr.split("\n").filter((line) => /^error\b/.test(line));
    strict_1.default.equal(messages.length, 1, stderr);
    strict_1.default.ok(messages[0]?.startsWith(`error[${expected.code}]: `), stderr);
    strict_1.default.match(stderr.slice(stderr.indexOf("error[")), expected.message);
    strict_1.default.doesNotMatch(stderr, /^ {4}at /m, "a stack trace is no message");
    strict_1.default.doesNotMatch(stderr, /docker exec --interactive/, "the runner's own commands tell the user nothing");
}
async function hiddenNames(series) {
    return (await (0, promises_1.readdir)(series)).filter((name) => name.startsWith("."));
}
/** Digest of each file in the folders that have a final name. */
async function completeFiles(series) {
    const found = {};
    for (const id of (await (0, promises_1.readdir)(series)).filter((name) => !name.startsWith(".") && name !== "latest")) {
        for (const entry of await (0, promises_1.readdir)(node_path_1.default.join(series, id), { recursive: true, withFileTypes: true })) {
            if (!entry.isFile())
                continue;
            const file = node_path_1.default.join(entry.parentPath, entry.name);
            found[node_path_1.default.relative(series, file)] = (0, node_crypto_1.createHash)("sha256")
                .update(await (0, promises_1.readFile)(file))
                .digest("hex");
        }
    }
    return found;
}
/** Commands of the server's clients in the container, and its sessions. */
async function remainsInContainer(container) {
    const { stdout } = await (0, execa_1.execa)("docker", ["top", container, "-eo", "pid,args"]);
    const processes = stdout.split("\n").filter((line) => /pg_dump|psql|pg_restore|sh -c/.test(line));
    const sessions = await (0, resources_1.sql)(container, "SELECT pid, query FROM pg_stat_activity WHERE application_name LIKE 'postgis-backup%'");
    return [...processes, ...(sessions === "" ? [] : [sessions])];
}
/** Processes of this machine that still talk to the container; the daemon's own know its id too. */
async function clientsOnHost(containerId) {
    const pids = (await (0, promises_1.readdir)("/proc")).filter((name) => /^\d+$/.test(name));
    const commands = await Promise.all(pids.map((pid) => (0, promises_1.readFile)(`/proc/${pid}/cmdline`, "utf8").then((text) => text.split("\0"), () => [])));
    return commands
        .filter(([program = "", ...args]) => node_path_1.default.basename(program) === "docker" && args.includes(containerId))
        .map((command) => command.join(" "));
}
async function untilNothingRemains(remains) {
    const deadline = performance.now() + 10_000;
    while ((await remains()).length > 0 && performance.now() < deadline)
        await (0, promises_2.setTimeout)(200);
    strict_1.default.deepEqual(await remains(), []);
}
