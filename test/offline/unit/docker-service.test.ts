import assert from "node:assert/strict";
import { checkNamed } from "../../../offline/docker/check";
import { SERVICE } from "../../../offline/docker/schema";
import { type ServiceInputs, serviceBody, serviceState } from "../../../offline/docker/service-spec";
import { compareToState } from "../../../offline/provider/compare";
import type { Properties } from "../../../offline/provider/value";

const OPERATION = { name: "it", oldInputs: undefined, randomSeed: Buffer.from("seed") };

/** A service with these parts, after the check. */
function checked(containerSpec: Properties = {}, task: Properties = {}, more: Properties = {}): Properties {
  const taskSpec = { containerSpec: { image: "agent", ...containerSpec }, ...task };
  const given = { name: "it", taskSpec, ...more };
  const { inputs, failures } = checkNamed(given, SERVICE, "Service", OPERATION);
  assert.deepEqual(failures, []);
  return inputs;
}
const bodyOf = (inputs: Properties) => serviceBody(inputs as unknown as ServiceInputs);
/** What a daemon that keeps what it gets says of it. */
const stateOf = (inputs: Properties) => {
  const { EndpointSpec, ...spec } = bodyOf(inputs);
  const found = { Version: { Index: 1 }, Spec: { ...spec, EndpointSpec }, Endpoint: {} };
  return serviceState(found);
};
const changes = (before: Properties, after: Properties) =>
  compareToState(before, after, SERVICE).map(
    ({ path, kind, replace }) => `${kind} ${path}${replace ? " replace" : ""}`,
  );

describe("offline docker: service", () => {
  it("asks for the same as the official provider", () => {
    const inputs = checked(
      {
        env: { A: "1" },
        configs: [{ configId: "c", configName: "n", fileName: "/f" }],
        mounts: [{ type: "bind", source: "/s", target: "/t" }],
        stopGracePeriod: "1m",
      },
      { placement: { constraints: ["node.role == worker"] } },
      { mode: { global: true }, updateConfig: { monitor: "15s", failureAction: "rollback" } },
    );
    const { TaskTemplate: task, ...service } = bodyOf(inputs);
    assert.deepEqual(service, {
      Name: "it",
      Mode: { Global: {} },
      UpdateConfig: {
        ...{ Parallelism: 1, Delay: 0, FailureAction: "rollback", Monitor: 15e9 },
        ...{ MaxFailureRatio: 0, Order: "stop-first" },
      },
      EndpointSpec: { Ports: [] },
    });
    const { ContainerSpec: spec, ...rest } = task;
    assert.deepEqual(rest, {
      Resources: {},
      RestartPolicy: {},
      Placement: { Constraints: ["node.role == worker"], MaxReplicas: 0 },
      ...{ ForceUpdate: 0, Runtime: "", Networks: [] },
    });
    assert.deepEqual(spec.Env, ["A=1"]);
    assert.deepEqual(spec.Configs, [
      { ConfigID: "c", ConfigName: "n", File: { Name: "/f", UID: "0", GID: "0", Mode: 0o444 } },
    ]);
    assert.deepEqual(spec.Mounts, [{ Type: "bind", Target: "/t", Source: "/s", ReadOnly: false }]);
    assert.equal(spec.StopGracePeriod, 60e9);
    assert.equal(spec.Init, false);
  });

  it("sees no change in what the daemon chose and the program did not", () => {
    const inputs = checked(
      { mounts: [{ type: "bind", source: "/s", target: "/t" }] },
      {},
      { mode: { global: true } },
    );
    const state = stateOf(inputs);
    assert.deepEqual(changes(state, inputs), []);
    const more = { restartPolicy: { condition: "any", delay: "5s" }, forceUpdate: 3, runtime: "container" };
    const taskSpec = { ...(state["taskSpec"] as Properties), ...more };
    assert.deepEqual(changes({ ...state, taskSpec }, inputs), []);
  });

  it("sees changes of what was given", () => {
    const mode = { replicated: { replicas: 1 } };
    const state = stateOf(checked({ stopGracePeriod: "1m", init: true }, {}, { mode }));
    assert.deepEqual(changes(state, checked({ stopGracePeriod: "1m", init: true })), []);
    assert.deepEqual(changes(state, checked({ stopGracePeriod: "60s", init: true })), ["update taskSpec"]);
    assert.deepEqual(changes(state, checked({ stopGracePeriod: "1m", init: true, image: "other" })), [
      "update taskSpec",
    ]);
    assert.deepEqual(changes(state, checked({ init: true }, {}, { mode: { global: true } })), [
      "add mode replace",
    ]);
  });

  it("replaces a service for other networks, as the official provider does", () => {
    const on = (id: string) => checked({}, { networksAdvanceds: [{ id }] });
    assert.deepEqual(changes(stateOf(on("a")), on("a")), []);
    assert.deepEqual(changes(stateOf(on("a")), on("b")), ["update taskSpec replace"]);
  });
});
