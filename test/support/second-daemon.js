"use strict";
var __importDefault = (this && this.__importDefault) || function (mod) {
    return (mod && mod.__esModule) ? mod : { "default": mod };
};
Object.defineProperty(exports, "__esModule", { value: true });
exports.SecondDaemon = void 0;
/** A Docker daemon of a test's own, which may be killed without harm to any other container. */
const node_child_process_1 = require("node:child_process");
const node_fs_1 = require("node:fs");
const promises_1 = require("node:fs/promises");
const node_os_1 = __importDefault(require("node:os"));
const node_path_1 = __importDefault(require("node:path"));
const promises_2 = require("node:timers/promises");
const execa_1 = require("execa");
const processes_1 = require("./processes");
/** The rest of the folder's name tells whose daemon it is, for a later run to end it. */
const prefix = "pgb-test-daemon-";
class SecondDaemon {
    folder;
    constructor(folder) {
        this.folder = folder;
    }
    static async create() {
        return new SecondDaemon(await (0, promises_1.mkdtemp)(node_path_1.default.join(node_os_1.default.tmpdir(), `${prefix}${process.pid}-`)));
    }
    get address() {
        return `unix://${this.folder}/docker.sock`;
    }
    /**
     * Starts it and waits until it answers. It has a network namespace of its own: with the option for no bridge, a daemon
     * deletes the bridge docker0 where it finds one, and in the machine's namespace that is the machine's own.
     */
    async start() {
        const places = ["data-root", "exec-root"].map((name) => `--${name}=${node_path_1.default.join(this.folder, name)}`);
        const options = ["--bridge=none", "--iptables=false", "--ip-masq=false", `--pidfile=${this.folder}/pid`];
        const log = node_path_1.default.join(this.folder, "log");
        const output = (0, node_fs_1.openSync)(log, "w");
        (0, node_child_process_1.spawn)("unshare", ["--net", "dockerd", ...places, ...options, "--host", this.address], {
            stdio: ["ignore", output, output],
            detached: true,
        }).unref();
        (0, node_fs_1.closeSync)(output);
        for (let attempt = 0; attempt < 150; attempt++) {
            const { failed } = await (0, execa_1.execa)("docker", ["--host", this.address, "version"], { reject: false });
            if (!failed)
                return;
            await (0, promises_2.setTimeout)(200);
        }
        throw new Error(`the second Docker daemon does not answer:\n${await (0, promises_1.readFile)(log, "utf8")}`);
    }
    /** Brings an image over from the machine's own daemon. */
    async load(image) {
        const save = (0, execa_1.execa)("docker", ["save", image], { stdout: "pipe", buffer: false });
        await save.pipe("docker", ["--host", this.address, "load"]);
    }
    /** SIGTERM makes it stop its containers first. */
    async end(signal) {
        const pid = Number(await (0, promises_1.readFile)(node_path_1.default.join(this.folder, "pid"), "utf8").catch(() => "0"));
        if (pid === 0 || !(0, processes_1.isAlive)(pid))
            return;
        process.kill(pid, signal);
        for (let attempt = 0; attempt < 150 && (0, processes_1.isAlive)(pid); attempt++)
            await (0, promises_2.setTimeout)(200);
        // containerd goes with it, but looks alive to the next daemon as long as nobody has reaped it.
        await (0, promises_1.rm)(node_path_1.default.join(this.folder, "exec-root/containerd/containerd.pid"), { force: true });
    }
    async remove() {
        await this.end("SIGTERM");
        for (const pid of await this.processes())
            process.kill(pid, "SIGKILL");
        await (0, promises_2.setTimeout)(500);
        for (const mount of (await (0, processes_1.mountsBelow)(this.folder)).reverse())
            await (0, execa_1.execa)("umount", [mount]);
        await (0, promises_1.rm)(this.folder, { recursive: true, force: true });
    }
    /** Daemons of runs whose process is gone. */
    static async removeLeftovers() {
        for (const name of (await (0, promises_1.readdir)(node_os_1.default.tmpdir())).filter((entry) => entry.startsWith(prefix))) {
            const [pid] = name.slice(prefix.length).split("-");
            if (!(0, processes_1.isAlive)(Number(pid)))
                await new SecondDaemon(node_path_1.default.join(node_os_1.default.tmpdir(), name)).remove();
        }
    }
    /** containerd, its shims and the first processes of their containers, where the daemon was killed. */
    async processes() {
        const tasks = node_path_1.default.join(this.folder, "exec-root/containerd/daemon/io.containerd.runtime.v2.task/moby");
        const containers = await (0, promises_1.readdir)(tasks).catch(() => []);
        const first = await Promise.all(containers.map((id) => (0, promises_1.readFile)(node_path_1.default.join(tasks, id, "init.pid"), "utf8").catch(() => "0")));
        const others = await (0, execa_1.execa)("pgrep", ["--full", this.folder], { reject: false });
        return [...first, ...others.stdout.split("\n")].map(Number).filter((pid) => pid > 1 && (0, processes_1.isAlive)(pid));
    }
}
exports.SecondDaemon = SecondDaemon;
