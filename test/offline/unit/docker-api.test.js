"use strict";
var __importDefault = (this && this.__importDefault) || function (mod) {
    return (mod && mod.__esModule) ? mod : { "default": mod };
};
Object.defineProperty(exports, "__esModule", { value: true });
const strict_1 = __importDefault(require("node:assert/strict"));
const mocha_1 = require("mocha");
const check_1 = require("../../../offline/docker/check");
const client_1 = require("../../../offline/docker/client");
const container_body_1 = require("../../../offline/docker/container-body");
const container_inputs_1 = require("../../../offline/docker/container-inputs");
const container_state_1 = require("../../../offline/docker/container-state");
const duration_1 = require("../../../offline/docker/duration");
const image_1 = require("../../../offline/docker/image");
const schema_1 = require("../../../offline/docker/schema");
const tar_1 = require("../../../offline/docker/tar");
const uploads_1 = require("../../../offline/docker/uploads");
function inputsOf(inputs) {
    const operation = { name: "db", oldInputs: undefined, randomSeed: new Uint8Array() };
    const all = { name: "db", image: "postgis:17", ...inputs };
    return (0, container_inputs_1.asContainerInputs)((0, check_1.checkInputs)(all, schema_1.CONTAINER, "Container", operation).inputs);
}
(0, mocha_1.describe)("offline docker: request to create a container", () => {
    (0, mocha_1.it)("sends what the official provider sends for the defaults", () => {
        strict_1.default.deepEqual((0, container_body_1.containerBody)(inputsOf({})), {
            name: "db",
            Image: "postgis:17",
            Hostname: "",
            Tty: false,
            OpenStdin: false,
            StopSignal: "",
            HostConfig: {
                CpuShares: 0,
                Memory: 0,
                MemoryReservation: 0,
                CpusetCpus: "",
                Privileged: false,
                PublishAllPorts: false,
                RestartPolicy: { Name: "no", MaximumRetryCount: 0 },
                Mounts: [],
                AutoRemove: false,
                ReadonlyRootfs: false,
                LogConfig: { Type: "", Config: {} },
                NetworkMode: "bridge",
                Init: false,
            },
        });
    });
    (0, mocha_1.it)("translates every kind of input", () => {
        const body = (0, container_body_1.containerBody)(inputsOf({
            envs: ["A=1"],
            command: ["postgres", "-c", "x=y"],
            entrypoints: ["/entry"],
            user: "70:70",
            hostname: "h",
            stopSignal: "SIGINT",
            stopTimeout: 5,
            labels: [{ label: "a", value: "1" }],
            ports: [
                { internal: 5432, external: 5433, ip: "127.0.0.1" },
                { internal: 5432, external: 5434 },
            ],
            mounts: [{ type: "volume", source: "data", target: "/data", readOnly: true }],
            volumes: [
                { volumeName: "v", containerPath: "/v" },
                { hostPath: "/h", volumeName: "ignored", containerPath: "/c", readOnly: true },
                { containerPath: "/anonymous" },
            ],
            healthcheck: { tests: ["CMD", "true"], interval: "5s", startPeriod: "1m30s", retries: 3 },
            memory: 256,
            memorySwap: -1,
            shmSize: 128,
            cpus: "1.5",
            restart: "on-failure",
            maxRetryCount: 2,
            capabilities: { adds: ["NET_ADMIN"] },
            securityOpts: ["no-new-privileges", "systempaths=unconfined"],
            tmpfs: { "/run": "size=1m" },
            logDriver: "json-file",
            logOpts: { "max-size": "1m" },
            init: true,
        }));
        strict_1.default.deepEqual(body.Env, ["A=1"]);
        strict_1.default.deepEqual(body.Cmd, ["postgres", "-c", "x=y"]);
        strict_1.default.deepEqual(body.Entrypoint, ["/entry"]);
        strict_1.default.equal(body.User, "70:70");
        strict_1.default.equal(body.StopTimeout, 5);
        strict_1.default.deepEqual(body.Labels, { a: "1" });
        strict_1.default.deepEqual(body.ExposedPorts, { "5432/tcp": {} });
        strict_1.default.deepEqual(body.Volumes, { "/v": {}, "/c": {}, "/anonymous": {} });
        strict_1.default.deepEqual(body.Healthcheck, {
            Test: ["CMD", "true"],
            Interval: 5e9,
            Timeout: 0,
            StartPeriod: 90e9,
            StartInterval: 0,
            Retries: 3,
        });
        const host = body.HostConfig ?? {};
        strict_1.default.deepEqual(host.PortBindings, {
            "5432/tcp": [
                { HostPort: "5433", HostIp: "127.0.0.1" },
                { HostPort: "5434", HostIp: "0.0.0.0" },
            ],
        });
        strict_1.default.deepEqual(host.Mounts, [{ Type: "volume", Source: "data", Target: "/data", ReadOnly: true }]);
        strict_1.default.deepEqual(host.Binds, ["v:/v:rw", "/h:/c:ro"]);
        strict_1.default.equal(host.Memory, 256 * 1024 * 1024);
        strict_1.default.equal(host.MemorySwap, -1);
        strict_1.default.equal(host.ShmSize, 128 * 1024 * 1024);
        strict_1.default.equal(host.NanoCpus, 1.5e9);
        strict_1.default.deepEqual(host.RestartPolicy, { Name: "on-failure", MaximumRetryCount: 2 });
        strict_1.default.deepEqual([host.CapAdd, host.CapDrop], [["NET_ADMIN"], []]);
        strict_1.default.deepEqual(host.SecurityOpt, ["no-new-privileges"]);
        strict_1.default.deepEqual([host.MaskedPaths, host.ReadonlyPaths], [[], []]);
        strict_1.default.deepEqual(host.Tmpfs, { "/run": "size=1m" });
        strict_1.default.deepEqual(host.LogConfig, { Type: "json-file", Config: { "max-size": "1m" } });
        strict_1.default.equal(host.Init, true);
    });
    (0, mocha_1.it)("refuses an empty word in a command and a mount without a path", () => {
        strict_1.default.throws(() => (0, container_body_1.containerBody)(inputsOf({ command: ["a", ""] })), /may not be empty/);
        strict_1.default.throws(() => (0, container_body_1.containerBody)(inputsOf({ volumes: [{ volumeName: "v" }] })), /without container path/);
        strict_1.default.throws(() => (0, container_body_1.containerBody)(inputsOf({ cpus: "two" })), /Error setting cpus/);
    });
    (0, mocha_1.it)("takes an empty list or text for one that is left out", () => {
        const blank = { entrypoints: [], command: [], envs: [], user: "", labels: [], stopTimeout: 0 };
        strict_1.default.deepEqual((0, container_body_1.containerBody)(inputsOf(blank)), (0, container_body_1.containerBody)(inputsOf({})));
        strict_1.default.equal(inputsOf({ networksAdvanced: [] }).networksAdvanced, undefined);
        strict_1.default.equal(inputsOf({ mustRun: false }).mustRun, false);
    });
    (0, mocha_1.it)("sends limits in bytes", () => {
        const limits = (0, container_body_1.resourceLimits)(inputsOf({ memory: 1, memorySwap: 2, cpuShares: 3, cpuSet: "0" }));
        strict_1.default.deepEqual(limits, {
            CpuShares: 3,
            Memory: 1048576,
            MemoryReservation: 0,
            CpusetCpus: "0",
            MemorySwap: 2097152,
        });
    });
});
(0, mocha_1.describe)("offline docker: state of a container", () => {
    function inspected(changes = {}) {
        const { running = true, exitCode = 0 } = changes;
        return {
            Name: "/db",
            Image: "sha256:abc",
            Platform: "linux",
            State: { Running: running, ExitCode: exitCode },
            Config: {
                Image: "postgis:17",
                Env: ["SECRET=1"],
                Labels: { from: "image" },
                Healthcheck: { Test: ["CMD", "true"], Interval: 60e9, Timeout: 5e9 },
            },
            HostConfig: {
                RestartPolicy: { Name: "always", MaximumRetryCount: 0 },
                Memory: 256 * 1024 * 1024,
                MemorySwap: 512 * 1024 * 1024,
                NanoCpus: 2e9,
                Mounts: [{ Type: "volume", Source: "data", Target: "/data" }],
                LogConfig: { Type: "json-file", Config: { "max-size": "1m" } },
            },
            NetworkSettings: {
                Ports: running ? { "5432/tcp": [{ HostIp: "0.0.0.0", HostPort: "32768" }], "80/tcp": null } : {},
                Networks: { bridge: { IPAddress: "172.17.0.2" } },
            },
        };
    }
    (0, mocha_1.it)("reads back what the official provider reads back, and no variables or labels", () => {
        const state = (0, container_state_1.containerState)(inspected(), inputsOf({ ports: [{ internal: 5432 }] }));
        strict_1.default.equal(state["name"], "db");
        strict_1.default.equal(state["image"], "postgis:17");
        strict_1.default.equal(state["memorySwap"], 512);
        strict_1.default.equal(state["cpus"], "2.0");
        strict_1.default.deepEqual(state["ports"], [{ internal: 5432, external: 32768, ip: "0.0.0.0", protocol: "tcp" }]);
        strict_1.default.deepEqual(state["mounts"], [{ target: "/data", source: "data", type: "volume", readOnly: false }]);
        strict_1.default.deepEqual(state["logOpts"], {});
        strict_1.default.deepEqual(["envs" in state, "labels" in state, "mustRun" in state], [false, false, false]);
    });
    (0, mocha_1.it)("writes durations as Go does, so that 60s comes back as 1m0s", () => {
        const state = (0, container_state_1.containerState)(inspected(), inputsOf({}));
        strict_1.default.equal(state["healthcheck"]["interval"], "1m0s");
    });
    (0, mocha_1.it)("shows a stopped container as one that does not run", () => {
        const state = (0, container_state_1.containerState)(inspected({ running: false, exitCode: 7 }), inputsOf({}));
        strict_1.default.equal(state["mustRun"], false);
        strict_1.default.equal(state["exitCode"], 7);
    });
    (0, mocha_1.it)("gives the image's id where the program named it by id", () => {
        strict_1.default.equal((0, container_state_1.containerState)(inspected(), inputsOf({ image: "sha256:abc" }))["image"], "sha256:abc");
    });
});
(0, mocha_1.describe)("offline docker: formats", () => {
    (0, mocha_1.it)("reads and writes Go durations", () => {
        const nanoseconds = ["1h2m3.5s", "90s", "100ms", "0s", "1m", "250us"].map(duration_1.parseDuration);
        strict_1.default.deepEqual(nanoseconds, [3723.5e9, 90e9, 100e6, 0, 60e9, 250e3]);
        strict_1.default.deepEqual(nanoseconds.map(duration_1.formatDuration), ["1h2m3.5s", "1m30s", "100ms", "0s", "1m0s", "250µs"]);
    });
    (0, mocha_1.it)("writes processors as the official provider does", () => {
        strict_1.default.deepEqual([2e9, 1.5e9, 0.25e9].map(container_state_1.formatCpus), ["2.0", "1.5", "0.25"]);
    });
    (0, mocha_1.it)("adds the default tag to an image without one", () => {
        const tagged = ["a", "host:5000/a", "a:1", "a@sha256:x"].map(image_1.withTag);
        strict_1.default.deepEqual(tagged, ["a:latest", "host:5000/a:latest", "a:1", "a@sha256:x"]);
    });
    (0, mocha_1.it)("gives uploads their mode", () => {
        strict_1.default.equal((0, uploads_1.modeOf)({ executable: false }), 0o644);
        strict_1.default.equal((0, uploads_1.modeOf)({ executable: true }), 0o744);
        strict_1.default.equal((0, uploads_1.modeOf)({ executable: true, permissions: "0600" }), 0o600);
    });
    (0, mocha_1.it)("writes a tar archive with a right checksum", () => {
        const archive = (0, tar_1.tarOf)("/etc/x", 0o600, Buffer.from("hello"), 1);
        strict_1.default.equal(archive.length, 4 * 512);
        strict_1.default.equal(archive.toString("utf8", 512, 517), "hello");
        strict_1.default.equal(archive.toString("utf8", 100, 107), "0000600");
        const stored = Number.parseInt(archive.toString("utf8", 148, 154), 8);
        const blank = Buffer.concat([
            archive.subarray(0, 148),
            Buffer.from(" ".repeat(8)),
            archive.subarray(156, 512),
        ]);
        strict_1.default.equal(stored, blank.reduce((sum, byte) => sum + byte, 0));
        strict_1.default.throws(() => (0, tar_1.tarOf)("x".repeat(101), 0, Buffer.alloc(0), 0), /does not cover uploads/);
    });
    (0, mocha_1.it)("finds the daemon by host, then DOCKER_HOST, then the socket", () => {
        strict_1.default.equal((0, client_1.dockerHost)({ host: "unix:///a" }, { DOCKER_HOST: "unix:///b" }), "unix:///a");
        strict_1.default.equal((0, client_1.dockerHost)({}, { DOCKER_HOST: "unix:///b" }), "unix:///b");
        strict_1.default.equal((0, client_1.dockerHost)({}, { DOCKER_HOST: "" }), "unix:///var/run/docker.sock");
        strict_1.default.throws(() => (0, client_1.dockerClient)("ssh://me@host"), /does not cover the host ssh:\/\/me@host/);
    });
    (0, mocha_1.it)("words errors of the daemon as the docker CLI does", () => {
        const error = Object.assign(new Error("(HTTP code 409) x"), { json: { message: "Conflict." } });
        strict_1.default.equal((0, client_1.daemonMessage)(error), "Error response from daemon: Conflict.");
        strict_1.default.equal((0, client_1.daemonMessage)(new Error("plain")), "plain");
    });
});
