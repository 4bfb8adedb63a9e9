"use strict";
var __importDefault = (this && this.__importDefault) || function (mod) {
    return (mod && mod.__esModule) ? mod : { "default": mod };
};
Object.defineProperty(exports, "__esModule", { value: true });
const strict_1 = __importDefault(require("node:assert/strict"));
const mocha_1 = require("mocha");
const check_1 = require("../../../offline/docker/check");
const compare_1 = require("../../../offline/docker/compare");
const container_1 = require("../../../offline/docker/container");
const schema_1 = require("../../../offline/docker/schema");
const volume_1 = require("../../../offline/docker/volume");
const value_1 = require("../../../offline/provider/value");
const OPERATION = { name: "db", oldInputs: undefined, randomSeed: Buffer.from("seed") };
const BASE = { name: "db", image: "postgis" };
const noDocker = () => {
    throw new Error("no daemon is needed");
};
const container = (0, container_1.containerResource)(noDocker);
const volume = (0, volume_1.volumeResource)(noDocker);
function checked(inputs) {
    const { inputs: filled, failures } = (0, check_1.checkInputs)(inputs, schema_1.CONTAINER, "Container", OPERATION);
    strict_1.default.deepEqual(failures, []);
    return filled;
}
function failuresOf(inputs) {
    return (0, check_1.checkInputs)({ ...BASE, ...inputs }, schema_1.CONTAINER, "Container", OPERATION).failures.map(({ property, reason }) => `${property}: ${reason}`);
}
function changes(before, after) {
    return (0, compare_1.compareToState)(checked({ ...BASE, ...before }), checked({ ...BASE, ...after }), schema_1.CONTAINER).map(({ path, kind, replace }) => `${kind} ${path}${replace ? " replace" : ""}`);
}
(0, mocha_1.describe)("offline docker: check", () => {
    (0, mocha_1.it)("refuses inputs that it does not cover, at any depth", () => {
        strict_1.default.deepEqual(failuresOf({
            gpus: "all",
            mounts: [{ target: "/t", type: "bind", source: "/s", bindOptions: { propagation: "rshared" } }],
            attach: true,
        }), [
            "gpus: offline docker provider does not cover Container.gpus",
            "mounts.bindOptions: offline docker provider does not cover Container.mounts.bindOptions",
            "attach: offline docker provider does not cover Container.attach",
        ]);
    });
    (0, mocha_1.it)("refuses values that the official provider refuses", () => {
        strict_1.default.deepEqual(failuresOf({ restart: "often", uploads: [{ file: "/f", content: "x", permissions: "644" }] }).length, 2);
        strict_1.default.equal(failuresOf({ healthcheck: { interval: "5 seconds" } }).length, 1);
        strict_1.default.deepEqual(failuresOf({ labels: [{ label: "a" }] }), ["labels.value: is required"]);
        strict_1.default.deepEqual(failuresOf({ image: null }), ["image: is required"]);
    });
    (0, mocha_1.it)("accepts unknown values", () => {
        strict_1.default.deepEqual(failuresOf({ image: value_1.UNKNOWN, mounts: value_1.UNKNOWN, restart: value_1.UNKNOWN, ports: [value_1.UNKNOWN] }), []);
    });
    (0, mocha_1.it)("fills in defaults at every depth and says which inputs it chose", () => {
        const filled = checked({ ...BASE, ports: [{ internal: 5432 }] });
        strict_1.default.deepEqual(filled["ports"], [{ internal: 5432, ip: "0.0.0.0", protocol: "tcp" }]);
        strict_1.default.equal(filled["mustRun"], true);
        strict_1.default.equal(filled["networkMode"], "bridge");
        const defaults = filled["__defaults"];
        strict_1.default.ok(defaults.includes("mustRun") && !defaults.includes("ports") && !defaults.includes("name"));
    });
    (0, mocha_1.it)("names a resource after itself, keeps the name, and drops it when replaced", () => {
        const check = (oldInputs, seed) => container.check({ image: "i" }, { name: "db", oldInputs, randomSeed: Buffer.from(seed) }).inputs;
        const first = check(undefined, "one");
        strict_1.default.match(first["name"], /^db-[0-9a-f]{7}$/);
        strict_1.default.equal(check(first, "two")["name"], first["name"]);
        strict_1.default.notEqual(check(undefined, "two")["name"], first["name"]);
        const given = { ...first, name: "given", __defaults: [] };
        strict_1.default.notEqual(check(given, "two")["name"], "given");
    });
});
(0, mocha_1.describe)("offline docker: diff", () => {
    (0, mocha_1.it)("replaces for what a running container cannot change", () => {
        strict_1.default.deepEqual(changes({ envs: ["A=1"], image: "a", cpus: "1.5", stopSignal: "SIGINT" }, { envs: ["A=2"], image: "b", cpus: "2.0", stopSignal: "SIGTERM" }).sort(), ["update cpus replace", "update envs replace", "update image replace", "update stopSignal replace"]);
    });
    (0, mocha_1.it)("updates in place what the official provider updates in place", () => {
        strict_1.default.deepEqual(changes({ restart: "no", memory: 256, healthcheck: { tests: ["CMD", "a"] } }, {
            restart: "always",
            memory: 512,
            destroyGraceSeconds: 120,
            removeVolumes: false,
            healthcheck: { tests: ["CMD", "b"] },
        }).sort(), [
            "add destroyGraceSeconds",
            "delete removeVolumes",
            "update healthcheck",
            "update memory",
            "update restart",
        ]);
    });
    (0, mocha_1.it)("ignores the order of sets, but not of a command", () => {
        const labels = [
            { label: "a", value: "1" },
            { label: "b", value: "2" },
        ];
        const mounts = [
            { target: "/a", type: "volume", source: "a", readOnly: false },
            { type: "bind", source: "/b", target: "/b" },
        ];
        const one = { labels, mounts, envs: ["A=1", "B=2"] };
        const other = {
            labels: [...labels].reverse(),
            mounts: [...mounts].reverse(),
            envs: ["B=2", "A=1"],
        };
        strict_1.default.deepEqual(changes(one, other), []);
        strict_1.default.deepEqual(changes({ command: ["a", "b"] }, { command: ["b", "a"] }), ["update command replace"]);
    });
    (0, mocha_1.it)("holds empty and absent values equal", () => {
        strict_1.default.deepEqual(changes({ privileged: false, tmpfs: {}, memory: 0, mounts: [] }, {}), []);
    });
    (0, mocha_1.it)("keeps what the daemon chose where the program says nothing", () => {
        const before = { envs: ["A=1"], hostname: "h", shmSize: 64, ports: [{ internal: 1, external: 32768 }] };
        strict_1.default.deepEqual(changes(before, { ports: [{ internal: 1 }] }), []);
        const mixed = { ports: [{ internal: 80, external: 80 }, ...before.ports] };
        strict_1.default.deepEqual(changes(mixed, { ports: [{ internal: 1 }, { internal: 80, external: 80 }] }), []);
        strict_1.default.deepEqual(changes(before, { ports: [{ internal: 1, external: 5432 }] }), ["update ports replace"]);
    });
    (0, mocha_1.it)("counts unknown values as changed", () => {
        strict_1.default.deepEqual(changes({ envs: ["A=1"] }, { envs: [value_1.UNKNOWN] }), ["update envs replace"]);
    });
    (0, mocha_1.it)("deletes a container before it is replaced, and a volume only when the name was given", () => {
        strict_1.default.equal(container.diff({}, {}, checked(BASE)).deleteBeforeReplace, true);
        const state = { name: "v" };
        strict_1.default.equal(volume.diff({}, state, { name: "v", __defaults: [] }).deleteBeforeReplace, true);
        strict_1.default.equal(volume.diff({}, state, { name: "v", __defaults: ["name"] }).deleteBeforeReplace, false);
        strict_1.default.equal(volume.diff({}, state, { name: "w", __defaults: [] }).deleteBeforeReplace, false);
    });
    (0, mocha_1.it)("replaces a volume for any change", () => {
        const state = { name: "v", driver: "local", driverOpts: {}, labels: [{ label: "a", value: "1" }] };
        const wanted = { name: "w", driver: "other", driverOpts: { o: "x" } };
        const replaced = (0, compare_1.compareToState)(state, wanted, schema_1.VOLUME).filter(({ replace }) => replace);
        strict_1.default.deepEqual(replaced.map(({ path }) => path).sort(), ["driver", "driverOpts", "labels", "name"]);
        strict_1.default.deepEqual((0, compare_1.compareToState)(state, { name: "v", labels: state.labels }, schema_1.VOLUME), []);
    });
});
(0, mocha_1.describe)("offline docker: state", () => {
    (0, mocha_1.it)("keeps the daemon's choices over an update and forgets inputs that are gone", () => {
        const state = { name: "db", hostname: "h", memory: 256, networkDatas: [] };
        strict_1.default.deepEqual((0, compare_1.updatedState)(state, { name: "db", __defaults: [] }, schema_1.CONTAINER), {
            name: "db",
            hostname: "h",
            networkDatas: [],
        });
    });
    (0, mocha_1.it)("brings what has changed outside into the inputs", () => {
        const inputs = {
            restart: "always",
            envs: ["A=1"],
            __defaults: [],
            mounts: [{ target: "/a", type: "volume" }],
        };
        const state = {
            restart: "no",
            envs: ["A=1"],
            hostname: "h",
            mounts: [{ target: "/a", type: "volume", readOnly: false }],
        };
        strict_1.default.deepEqual((0, compare_1.refreshedInputs)(inputs, state, schema_1.CONTAINER), { ...inputs, restart: "no" });
    });
    (0, mocha_1.it)("knows no computed output before the container exists", () => {
        const plan = container.planCreate(checked({ ...BASE, hostname: "h" }));
        strict_1.default.equal(plan["hostname"], "h");
        strict_1.default.equal(plan["networkDatas"], value_1.UNKNOWN);
        strict_1.default.equal(plan["shmSize"], value_1.UNKNOWN);
        strict_1.default.equal(plan["memory"], undefined);
        strict_1.default.equal(plan["__defaults"], undefined);
    });
});
