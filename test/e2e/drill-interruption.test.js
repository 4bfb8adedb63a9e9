"use strict";
var __importDefault = (this && this.__importDefault) || function (mod) {
    return (mod && mod.__esModule) ? mod : { "default": mod };
};
Object.defineProperty(exports, "__esModule", { value: true });
const strict_1 = __importDefault(require("node:assert/strict"));
const node_child_process_1 = require("node:child_process");
const node_events_1 = require("node:events");
const promises_1 = require("node:fs/promises");
const node_path_1 = __importDefault(require("node:path"));
const promises_2 = require("node:timers/promises");
const execa_1 = require("execa");
const container_1 = require("../support/container");
const environment_1 = require("../support/environment");
const resources_1 = require("../support/resources");
const runner_1 = require("../support/runner");
const throwaways_1 = require("../support/throwaways");
describe("a restore drill that goes wrong", function () {
    this.timeout(300_000);
    let container;
    let folder;
    before(async () => {
        folder = await (0, resources_1.temporaryFolder)();
        container = await (0, container_1.startServer)();
        await (0, resources_1.sql)(container, `CREATE TABLE large AS SELECT g, repeat('x', 300) AS filling FROM generate_series(1, 1000000) g;
       CREATE TABLE small AS SELECT 1 AS x;`);
    });
    after(async () => {
        await (0, resources_1.removeContainer)(container);
        await (0, resources_1.removeFolder)(folder);
    });
    const args = (table, name) => [
        ...["backup", "--container", container, "--table", table, "--format", "custom", "--verify", "restore"],
        ...["--directory", folder, "--name", name],
    ];
    const until = async (what, seconds) => {
        const deadline = Date.now() + seconds * 1000;
        while (!(await what())) {
            if (Date.now() > deadline)
                return false;
            await (0, promises_2.setTimeout)(50);
        }
        return true;
    };
    const volumesOf = async (name) => {
        const format = '{{range .Mounts}}{{if eq .Type "volume"}}{{.Name}} {{end}}{{end}}';
        const { stdout } = await (0, execa_1.execa)("docker", ["inspect", "--format", format, name]);
        return stdout.split(" ").filter((volume) => volume !== "");
    };
    const restoring = async () => {
        const [name] = await (0, throwaways_1.throwaways)(folder);
        if (name === undefined)
            return false;
        const { all } = await (0, execa_1.execa)("docker", ["top", name, "-eo", "pid,args"], { reject: false, all: true });
        return /COPY/.test(all);
    };
    const starting = async () => (await (0, throwaways_1.throwaways)(folder)).length > 0;
    for (const signal of ["SIGINT", "SIGTERM", "SIGKILL"]) {
        for (const [moment, reached] of [
            ["while its container starts", starting],
            ["while rows are restored", restoring],
        ]) {
            it(`leaves no container and no volume within 10 s of ${signal} ${moment}`, async () => {
                const runner = (0, node_child_process_1.spawn)("node", [runner_1.runnerMain, ...args("large", "ended")], {
                    stdio: ["ignore", "pipe", "pipe"],
                });
                const closed = (0, node_events_1.once)(runner, "close");
                strict_1.default.ok(await until(reached, 60), "the drill did not come so far");
                const [name = ""] = await (0, throwaways_1.throwaways)(folder);
                const volumes = await volumesOf(name);
                runner.kill(signal);
                const gone = await until(async () => (await (0, throwaways_1.throwaways)(folder)).length === 0, 10);
                strict_1.default.ok(gone, "the container is still there");
                const { stdout } = await (0, execa_1.execa)("docker", ["volume", "ls", "--quiet"]);
                strict_1.default.deepEqual(volumes.filter((volume) => stdout.split("\n").includes(volume)), []);
                const [code] = (await closed);
                strict_1.default.equal(code, signal === "SIGKILL" ? null : 1);
                const left = await (0, promises_1.readdir)(node_path_1.default.join(folder, "ended"));
                strict_1.default.ok(left.every((entry) => signal === "SIGKILL" && entry.startsWith(".")), left.join(" "));
                await (0, resources_1.removeFolder)(node_path_1.default.join(folder, "ended"));
            });
        }
    }
    it("because the disk is full says so, and publishes nothing", async () => {
        // Its data is in memory, which is as large as Docker was told.
        const image = (0, resources_1.uniqueName)();
        const { image: base } = await environment_1.environment;
        await (0, execa_1.execa)("docker", ["build", "--quiet", ...resources_1.ownLabel, "--tag", image, "-"], {
            input: `FROM ${base}\nENV PGDATA=/dev/shm/data\n`,
        });
        const source = (0, resources_1.uniqueName)();
        try {
            const options = [
                "--network",
                "none",
                "--shm-size",
                "3g",
                "--env",
                "POSTGRES_PASSWORD=test",
                ...resources_1.ownLabel,
            ];
            await (0, execa_1.execa)("docker", ["run", "--detach", "--name", source, ...options, image]);
            await until(async () => {
                const probe = ["exec", source, "pg_isready", "-h", "127.0.0.1", "-U", "postgres"];
                return (await (0, execa_1.execa)("docker", probe, { reject: false })).exitCode === 0;
            }, 60);
            await (0, resources_1.sql)(source, "CREATE TABLE large AS SELECT repeat('x', 1900) AS filling FROM generate_series(1, 650000) g");
            const replaced = args("large", "full").map((word) => (word === container ? source : word));
            const { exitCode, stdout, stderr } = await (0, runner_1.runRunner)(replaced);
            strict_1.default.equal(exitCode, 1);
            strict_1.default.equal(stdout, "");
            strict_1.default.match(stderr, /error\[space-insufficient\]: .*No space left on device/);
            strict_1.default.deepEqual(await (0, promises_1.readdir)(node_path_1.default.join(folder, "full")), []);
            strict_1.default.deepEqual(await (0, throwaways_1.throwaways)(folder), []);
        }
        finally {
            await (0, resources_1.removeContainer)(source);
            await (0, execa_1.execa)("docker", ["image", "rm", "--force", image], { reject: false });
        }
    });
});
