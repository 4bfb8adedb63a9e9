"use strict";
Object.defineProperty(exports, "__esModule", { value: true });
exports.TestContainer = void 0;
exports.docker = docker;
exports.startServer = startServer;
const promises_1 = require("node:timers/promises");
const execa_1 = require("execa");
const environment_1 = require("./environment");
const resources_1 = require("./resources");
/** Runs docker and returns its output and exit code, whatever the code. */
async function docker(...args) {
    const { exitCode, all } = await (0, execa_1.execa)("docker", args, { reject: false, all: true });
    return { code: exitCode ?? -1, output: all };
}
/** A database in a container of its own, whose name no other run has. */
class TestContainer {
    name;
    image;
    /** Without an image: the one that "make setup" found or made. */
    constructor(name = (0, resources_1.uniqueName)(), image) {
        this.name = name;
        this.image = image;
    }
    /** Starts the container and returns at once; `options` come before the image and `command` after it. */
    async run(options, command = []) {
        const image = this.image ?? (await environment_1.environment).image;
        await (0, execa_1.execa)("docker", [
            "run",
            "--detach",
            "--name",
            this.name,
            ...resources_1.ownLabel,
            ...options,
            image,
            ...command,
        ]);
    }
    /** Waits until the database answers over TCP, which it does only once it is initialised. */
    async ready(timeoutSeconds = 60) {
        const deadline = Date.now() + timeoutSeconds * 1000;
        while (Date.now() < deadline) {
            const { code } = await docker("exec", this.name, "pg_isready", "--quiet", "--host=127.0.0.1", "--username=postgres");
            if (code === 0)
                return;
            const { output } = await docker("inspect", "--format={{.State.Running}}", this.name);
            if (output !== "true")
                break;
            await (0, promises_1.setTimeout)(200);
        }
        throw new Error(`${this.name} is not ready:\n${await this.logs()}`);
    }
    /** The rows of a query, as the database writes them in JSON. */
    async rows(query, database = "gis") {
        const { stdout } = await (0, execa_1.execa)("docker", [
            ...["exec", this.name, "psql", "--username=postgres", `--dbname=${database}`],
            ...["--no-psqlrc", "--tuples-only", "--no-align", "--quiet", "--set=ON_ERROR_STOP=1"],
            ...["--command", `SELECT coalesce(json_agg(t), '[]') FROM (${query}) AS t`],
        ]);
        return JSON.parse(stdout);
    }
    /** The exit code of a container that ends by itself, within a minute. */
    async exitCode() {
        return Number((await (0, execa_1.execa)("docker", ["wait", this.name], { timeout: 60_000 })).stdout);
    }
    /** What init scripts wrote, then what the server wrote: between the two streams docker keeps no order. */
    async logs() {
        const { stdout, stderr } = await (0, execa_1.execa)("docker", ["logs", this.name]);
        return `${stdout}\n${stderr}`;
    }
    async port() {
        const { output } = await docker("port", this.name, "5432/tcp");
        return Number(output.split(":").at(-1));
    }
    async remove() {
        await (0, resources_1.removeContainer)(this.name);
    }
}
exports.TestContainer = TestContainer;
/** Starts a server as a user would by hand, waits for it, and gives the name of its container. */
async function startServer({ mount, image, options = [], } = {}) {
    const container = new TestContainer((0, resources_1.uniqueName)(), image);
    const volume = mount === undefined ? [] : ["--volume", `${mount}:/backups`];
    await container.run([...volume, ...options, "--env", "POSTGRES_PASSWORD=test"]);
    await container.ready();
    return container.name;
}
