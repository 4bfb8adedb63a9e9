import assert from "node:assert/strict";
import type Docker from "dockerode";
import { describe, it } from "mocha";
import { checkNamed } from "../../../offline/docker/check";
import { compareToState, refreshedInputs, updatedState } from "../../../offline/provider/compare";
import { containerResource } from "../../../offline/docker/container";
import { CONTAINER, VOLUME } from "../../../offline/docker/schema";
import { volumeResource } from "../../../offline/docker/volume";
import { UNKNOWN, type Properties } from "../../../offline/provider/value";

const OPERATION = { name: "db", oldInputs: undefined, randomSeed: Buffer.from("seed") };
const BASE = { name: "db", image: "postgis" };

const noDocker = (): Docker => {
  throw new Error("no daemon is needed");
};
const container = containerResource(noDocker);
const volume = volumeResource(noDocker);

function checked(inputs: Properties): Properties {
  const { inputs: filled, failures } = checkNamed(inputs, CONTAINER, "Container", OPERATION);
  assert.deepEqual(failures, []);
  return filled;
}

function failuresOf(inputs: Properties): string[] {
  return checkNamed({ ...BASE, ...inputs }, CONTAINER, "Container", OPERATION).failures.map(
    ({ property, reason }) => `${property}: ${reason}`,
  );
}

function changes(before: Properties, after: Properties): string[] {
  return compareToState(checked({ ...BASE, ...before }), checked({ ...BASE, ...after }), CONTAINER).map(
    ({ path, kind, replace }) => `${kind} ${path}${replace ? " replace" : ""}`,
  );
}

describe("offline docker: check", () => {
  it("refuses inputs that it does not cover, at any depth", () => {
    assert.deepEqual(
      failuresOf({
        gpus: "all",
        mounts: [{ target: "/t", type: "bind", source: "/s", bindOptions: { propagation: "rshared" } }],
        attach: true,
      }),
      [
        "gpus: offline docker provider does not cover Container.gpus",
        "mounts.bindOptions: offline docker provider does not cover Container.mounts.bindOptions",
        "attach: offline docker provider does not cover Container.attach",
      ],
    );
  });

  it("refuses values that the official provider refuses", () => {
    assert.deepEqual(
      failuresOf({ restart: "often", uploads: [{ file: "/f", content: "x", permissions: "644" }] }).length,
      2,
    );
    assert.equal(failuresOf({ healthcheck: { interval: "5 seconds" } }).length, 1);
    assert.deepEqual(failuresOf({ labels: [{ label: "a" }] }), ["labels.value: is required"]);
    assert.deepEqual(failuresOf({ image: null }), ["image: is required"]);
  });

  it("accepts unknown values", () => {
    assert.deepEqual(failuresOf({ image: UNKNOWN, mounts: UNKNOWN, restart: UNKNOWN, ports: [UNKNOWN] }), []);
  });

  it("fills in defaults at every depth and says which inputs it chose", () => {
    const filled = checked({ ...BASE, ports: [{ internal: 5432 }] });
    assert.deepEqual(filled["ports"], [{ internal: 5432, ip: "0.0.0.0", protocol: "tcp" }]);
    assert.equal(filled["mustRun"], true);
    assert.equal(filled["networkMode"], "bridge");
    const defaults = filled["__defaults"] as string[];
    assert.ok(defaults.includes("mustRun") && !defaults.includes("ports") && !defaults.includes("name"));
  });

  it("names a resource after itself, keeps the name, and drops it when replaced", () => {
    const check = (oldInputs: Properties | undefined, seed: string): Properties =>
      container.check({ image: "i" }, { name: "db", oldInputs, randomSeed: Buffer.from(seed) }).inputs;
    const first = check(undefined, "one");
    assert.match(first["name"] as string, /^db-[0-9a-f]{7}$/);
    assert.equal(check(first, "two")["name"], first["name"]);
    assert.notEqual(check(undefined, "two")["name"], first["name"]);
    const given = { ...first, name: "given", __defaults: [] };
    assert.notEqual(check(given, "two")["name"], "given");
  });
});

describe("offline docker: diff", () => {
  it("replaces for what a running container cannot change", () => {
    assert.deepEqual(
      changes(
        { envs: ["A=1"], image: "a", cpus: "1.5", stopSignal: "SIGINT" },
        { envs: ["A=2"], image: "b", cpus: "2.0", stopSignal: "SIGTERM" },
      ).sort(),
      ["update cpus replace", "update envs replace", "update image replace", "update stopSignal replace"],
    );
  });

  it("updates in place what the official provider updates in place", () => {
    assert.deepEqual(
      changes(
        { restart: "no", memory: 256, healthcheck: { tests: ["CMD", "a"] } },
        {
          restart: "always",
          memory: 512,
          destroyGraceSeconds: 120,
          removeVolumes: false,
          healthcheck: { tests: ["CMD", "b"] },
        },
      ).sort(),
      [
        "add destroyGraceSeconds",
        "delete removeVolumes",
        "update healthcheck",
        "update memory",
        "update restart",
      ],
    );
  });

  it("ignores the order of sets, but not of a command", () => {
    const labels = [
      { label: "a", value: "1" },
      { label: "b", value: "2" },
    ];
    const mounts: Properties[] = [
      { target: "/a", type: "volume", source: "a", readOnly: false },
      { type: "bind", source: "/b", target: "/b" },
    ];
    const one = { labels, mounts, envs: ["A=1", "B=2"] };
    const other = {
      labels: [...labels].reverse(),
      mounts: [...mounts].reverse(),
      envs: ["B=2", "A=1"],
    };
    assert.deepEqual(changes(one, other), []);
    assert.deepEqual(changes({ command: ["a", "b"] }, { command: ["b", "a"] }), ["update command replace"]);
  });

  it("holds empty and absent values equal", () => {
    assert.deepEqual(changes({ privileged: false, tmpfs: {}, memory: 0, mounts: [] }, {}), []);
  });

  it("keeps what the daemon chose where the program says nothing", () => {
    const before = { envs: ["A=1"], hostname: "h", shmSize: 64, ports: [{ internal: 1, external: 32768 }] };
    assert.deepEqual(changes(before, { ports: [{ internal: 1 }] }), []);
    const mixed = { ports: [{ internal: 80, external: 80 }, ...before.ports] };
    assert.deepEqual(changes(mixed, { ports: [{ internal: 1 }, { internal: 80, external: 80 }] }), []);
    assert.deepEqual(changes(before, { ports: [{ internal: 1, external: 5432 }] }), ["update ports replace"]);
  });

  it("counts unknown values as changed", () => {
    assert.deepEqual(changes({ envs: ["A=1"] }, { envs: [UNKNOWN] }), ["update envs replace"]);
  });

  it("deletes a container before it is replaced, and a volume only when the name was given", () => {
    assert.equal(container.diff({}, {}, checked(BASE)).deleteBeforeReplace, true);
    const state = { name: "v" };
    assert.equal(volume.diff({}, state, { name: "v", __defaults: [] }).deleteBeforeReplace, true);
    assert.equal(volume.diff({}, state, { name: "v", __defaults: ["name"] }).deleteBeforeReplace, false);
    assert.equal(volume.diff({}, state, { name: "w", __defaults: [] }).deleteBeforeReplace, false);
  });

  it("replaces a volume for any change", () => {
    const state = { name: "v", driver: "local", driverOpts: {}, labels: [{ label: "a", value: "1" }] };
    const wanted = { name: "w", driver: "other", driverOpts: { o: "x" } };
    const replaced = compareToState(state, wanted, VOLUME).filter(({ replace }) => replace);
    assert.deepEqual(replaced.map(({ path }) => path).sort(), ["driver", "driverOpts", "labels", "name"]);
    assert.deepEqual(compareToState(state, { name: "v", labels: state.labels }, VOLUME), []);
  });
});

describe("offline docker: state", () => {
  it("keeps the daemon's choices over an update and forgets inputs that are gone", () => {
    const state = { name: "db", hostname: "h", memory: 256, networkDatas: [] };
    assert.deepEqual(updatedState(state, { name: "db", __defaults: [] }, CONTAINER), {
      name: "db",
      hostname: "h",
      networkDatas: [],
    });
  });

  it("brings what has changed outside into the inputs", () => {
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
    assert.deepEqual(refreshedInputs(inputs, state, CONTAINER), { ...inputs, restart: "no" });
  });

  it("knows no computed output before the container exists", () => {
    const plan = container.planCreate(checked({ ...BASE, hostname: "h" }));
    assert.equal(plan["hostname"], "h");
    assert.equal(plan["networkDatas"], UNKNOWN);
    assert.equal(plan["shmSize"], UNKNOWN);
    assert.equal(plan["memory"], undefined);
    assert.equal(plan["__defaults"], undefined);
  });
});
