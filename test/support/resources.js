"use strict";
var __importDefault = (this && this.__importDefault) || function (mod) {
    return (mod && mod.__esModule) ? mod : { "default": mod };
};
Object.defineProperty(exports, "__esModule", { value: true });
exports.ownLabel = exports.testLabel = void 0;
exports.uniqueName = uniqueName;
exports.freePort = freePort;
exports.temporaryFolder = temporaryFolder;
exports.removeFolder = removeFolder;
exports.removeContainer = removeContainer;
exports.removeVolume = removeVolume;
exports.sql = sql;
exports.removeLeftovers = removeLeftovers;
exports.mountDisk = mountDisk;
exports.removeDisk = removeDisk;
/** Names, ports, folders and containers that belong to one test run and go with it. */
const node_crypto_1 = require("node:crypto");
const promises_1 = require("node:fs/promises");
const node_net_1 = __importDefault(require("node:net"));
const node_os_1 = __importDefault(require("node:os"));
const node_path_1 = __importDefault(require("node:path"));
const execa_1 = require("execa");
const processes_1 = require("./processes");
/** Carries the process id of the run, so that a later run finds what a killed one left. */
exports.testLabel = "postgis-backup.test";
const diskPrefix = "pgb-test-disk-";
/** Options of docker that mark a container or volume as this run's. */
exports.ownLabel = ["--label", `${exports.testLabel}=${process.pid}`];
function uniqueName() {
    return `pgb-test-${(0, node_crypto_1.randomBytes)(4).toString("hex")}`;
}
function freePort() {
    return new Promise((resolve, reject) => {
        const server = node_net_1.default.createServer();
        server.once("error", reject);
        server.listen(0, "127.0.0.1", () => {
            const { port } = server.address();
            server.close(() => {
                resolve(port);
            });
        });
    });
}
async function temporaryFolder() {
    return (0, promises_1.mkdtemp)(node_path_1.default.join(node_os_1.default.tmpdir(), "pgb-test-"));
}
async function removeFolder(folder) {
    await (0, promises_1.rm)(folder, { recursive: true, force: true });
}
async function removeContainer(name) {
    await (0, execa_1.execa)("docker", ["rm", "--force", "--volumes", name], { reject: false });
}
async function removeVolume(name) {
    await (0, execa_1.execa)("docker", ["volume", "rm", "--force", name], { reject: false });
}
/** Runs SQL with psql in the container; the rows as they are printed, bare. */
async function sql(container, text, database = "postgres") {
    const psql = [
        "psql",
        "-X",
        "-q",
        "-A",
        "-t",
        "-v",
        "ON_ERROR_STOP=1",
        "-h",
        "127.0.0.1",
        "-U",
        "postgres",
        "-d",
        database,
    ];
    const { stdout } = await (0, execa_1.execa)("docker", ["exec", "-i", container, ...psql], { input: text });
    return stdout.trim();
}
/** Containers, volumes and disks of runs whose process is gone. */
async function removeLeftovers() {
    for (const disk of await (0, processes_1.mountsBelow)(node_path_1.default.join(node_os_1.default.tmpdir(), diskPrefix))) {
        const [pid] = node_path_1.default.basename(disk).slice(diskPrefix.length).split("-");
        if (!(0, processes_1.isAlive)(Number(pid)))
            await removeDisk(disk);
    }
    for (const kind of ["container", "volume"]) {
        const list = [kind, "ls", ...(kind === "container" ? ["--all"] : []), "--filter", `label=${exports.testLabel}`];
        const format = ["--format", `{{.${kind === "container" ? "ID" : "Name"}}} {{.Label "${exports.testLabel}"}}`];
        const { stdout } = await (0, execa_1.execa)("docker", [...list, ...format]);
        for (const line of stdout.split("\n").filter((text) => text !== "")) {
            const [id = "", pid = ""] = line.split(" ");
            if ((0, processes_1.isAlive)(Number(pid)))
                continue;
            await (kind === "container" ? removeContainer(id) : removeVolume(id));
        }
    }
}
/** A disk of its own, so that it can be full; its path tells whose it is, for a later run to unmount it. */
async function mountDisk(megabytes) {
    const folder = await (0, promises_1.mkdtemp)(node_path_1.default.join(node_os_1.default.tmpdir(), `${diskPrefix}${process.pid}-`));
    await (0, execa_1.execa)("mount", ["-t", "tmpfs", "-o", `size=${megabytes}m`, "tmpfs", folder]);
    return folder;
}
async function removeDisk(folder) {
    await (0, execa_1.execa)("umount", [folder]);
    await (0, promises_1.rm)(folder, { recursive: true });
}
