import assert from "node:assert/strict";
import { join } from "node:path";
import type { ContainerInspectInfo } from "dockerode";
import { execa } from "execa";
import { describe, it } from "mocha";
import { checkNamed } from "../../../offline/docker/check";
import { daemonMessage, dockerClient, dockerHost } from "../../../offline/docker/client";
import { containerBody, resourceLimits } from "../../../offline/docker/container-body";
import { asContainerInputs, type ContainerInputs } from "../../../offline/docker/container-inputs";
import { containerState, formatCpus } from "../../../offline/docker/container-state";
import { formatDuration, parseDuration } from "../../../offline/docker/duration";
import { withTag } from "../../../offline/docker/image";
import { CONTAINER } from "../../../offline/docker/schema";
import { tarOf } from "../../../offline/docker/tar";
import { modeOf } from "../../../offline/docker/uploads";
import type { Properties } from "../../../offline/provider/value";
import { root } from "../../../setup/paths";

function inputsOf(inputs: Properties): ContainerInputs {
  const operation = { name: "db", oldInputs: undefined, randomSeed: new Uint8Array() };
  const all = { name: "db", image: "postgis:17", ...inputs };
  return asContainerInputs(checkNamed(all, CONTAINER, "Container", operation).inputs);
}

describe("offline docker: request to create a container", () => {
  it("sends what the official provider sends for the defaults", () => {
    assert.deepEqual(containerBody(inputsOf({})), {
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

  it("translates every kind of input", () => {
    const body = containerBody(
      inputsOf({
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
      }),
    );
    assert.deepEqual(body.Env, ["A=1"]);
    assert.deepEqual(body.Cmd, ["postgres", "-c", "x=y"]);
    assert.deepEqual(body.Entrypoint, ["/entry"]);
    assert.equal(body.User, "70:70");
    assert.equal(body.StopTimeout, 5);
    assert.deepEqual(body.Labels, { a: "1" });
    assert.deepEqual(body.ExposedPorts, { "5432/tcp": {} });
    assert.deepEqual(body.Volumes, { "/v": {}, "/c": {}, "/anonymous": {} });
    assert.deepEqual(body.Healthcheck, {
      Test: ["CMD", "true"],
      Interval: 5e9,
      Timeout: 0,
      StartPeriod: 90e9,
      StartInterval: 0,
      Retries: 3,
    });
    const host = body.HostConfig ?? {};
    assert.deepEqual(host.PortBindings, {
      "5432/tcp": [
        { HostPort: "5433", HostIp: "127.0.0.1" },
        { HostPort: "5434", HostIp: "0.0.0.0" },
      ],
    });
    assert.deepEqual(host.Mounts, [{ Type: "volume", Source: "data", Target: "/data", ReadOnly: true }]);
    assert.deepEqual(host.Binds, ["v:/v:rw", "/h:/c:ro"]);
    assert.equal(host.Memory, 256 * 1024 * 1024);
    assert.equal(host.MemorySwap, -1);
    assert.equal(host.ShmSize, 128 * 1024 * 1024);
    assert.equal(host.NanoCpus, 1.5e9);
    assert.deepEqual(host.RestartPolicy, { Name: "on-failure", MaximumRetryCount: 2 });
    assert.deepEqual([host.CapAdd, host.CapDrop], [["NET_ADMIN"], []]);
    assert.deepEqual(host.SecurityOpt, ["no-new-privileges"]);
    assert.deepEqual([host.MaskedPaths, host.ReadonlyPaths], [[], []]);
    assert.deepEqual(host.Tmpfs, { "/run": "size=1m" });
    assert.deepEqual(host.LogConfig, { Type: "json-file", Config: { "max-size": "1m" } });
    assert.equal(host.Init, true);
  });

  it("refuses an empty word in a command and a mount without a path", () => {
    assert.throws(() => containerBody(inputsOf({ command: ["a", ""] })), /may not be empty/);
    assert.throws(
      () => containerBody(inputsOf({ volumes: [{ volumeName: "v" }] })),
      /without container path/,
    );
    assert.throws(() => containerBody(inputsOf({ cpus: "two" })), /Error setting cpus/);
  });

  it("takes an empty list or text for one that is left out", () => {
    const blank = { entrypoints: [], command: [], envs: [], user: "", labels: [], stopTimeout: 0 };
    assert.deepEqual(containerBody(inputsOf(blank)), containerBody(inputsOf({})));
    assert.equal(inputsOf({ networksAdvanced: [] }).networksAdvanced, undefined);
    assert.equal(inputsOf({ mustRun: false }).mustRun, false);
  });

  it("sends limits in bytes", () => {
    const limits = resourceLimits(inputsOf({ memory: 1, memorySwap: 2, cpuShares: 3, cpuSet: "0" }));
    assert.deepEqual(limits, {
      CpuShares: 3,
      Memory: 1048576,
      MemoryReservation: 0,
      CpusetCpus: "0",
      MemorySwap: 2097152,
    });
  });
});

describe("offline docker: state of a container", () => {
  function inspected(changes: { running?: boolean; exitCode?: number } = {}): ContainerInspectInfo {
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
    } as unknown as ContainerInspectInfo;
  }

  it("reads back what the official provider reads back, and no variables or labels", () => {
    const state = containerState(inspected(), inputsOf({ ports: [{ internal: 5432 }] }));
    assert.equal(state["name"], "db");
    assert.equal(state["image"], "postgis:17");
    assert.equal(state["memorySwap"], 512);
    assert.equal(state["cpus"], "2.0");
    assert.deepEqual(state["ports"], [{ internal: 5432, external: 32768, ip: "0.0.0.0", protocol: "tcp" }]);
    assert.deepEqual(state["mounts"], [{ target: "/data", source: "data", type: "volume", readOnly: false }]);
    assert.deepEqual(state["logOpts"], {});
    assert.deepEqual(["envs" in state, "labels" in state, "mustRun" in state], [false, false, false]);
  });

  it("writes durations as Go does, so that 60s comes back as 1m0s", () => {
    const state = containerState(inspected(), inputsOf({}));
    assert.equal((state["healthcheck"] as Properties)["interval"], "1m0s");
  });

  it("shows a stopped container as one that does not run", () => {
    const state = containerState(inspected({ running: false, exitCode: 7 }), inputsOf({}));
    assert.equal(state["mustRun"], false);
    assert.equal(state["exitCode"], 7);
  });

  it("gives the image's id where the program named it by id", () => {
    assert.equal(containerState(inspected(), inputsOf({ image: "sha256:abc" }))["image"], "sha256:abc");
  });
});

describe("offline docker: formats", () => {
  it("reads and writes Go durations", () => {
    const nanoseconds = ["1h2m3.5s", "90s", "100ms", "0s", "1m", "250us"].map(parseDuration);
    assert.deepEqual(nanoseconds, [3723.5e9, 90e9, 100e6, 0, 60e9, 250e3]);
    assert.deepEqual(nanoseconds.map(formatDuration), ["1h2m3.5s", "1m30s", "100ms", "0s", "1m0s", "250µs"]);
  });

  it("writes processors as the official provider does", () => {
    assert.deepEqual([2e9, 1.5e9, 0.25e9].map(formatCpus), ["2.0", "1.5", "0.25"]);
  });

  it("adds the default tag to an image without one", () => {
    const tagged = ["a", "host:5000/a", "a:1", "a@sha256:x"].map(withTag);
    assert.deepEqual(tagged, ["a:latest", "host:5000/a:latest", "a:1", "a@sha256:x"]);
  });

  it("gives uploads their mode", () => {
    assert.equal(modeOf({ executable: false }), 0o644);
    assert.equal(modeOf({ executable: true }), 0o744);
    assert.equal(modeOf({ executable: true, permissions: "0600" }), 0o600);
  });

  it("writes a tar archive with a right checksum", () => {
    const archive = tarOf("/etc/x", 0o600, Buffer.from("hello"), 1);
    assert.equal(archive.length, 4 * 512);
    assert.equal(archive.toString("utf8", 512, 517), "hello");
    assert.equal(archive.toString("utf8", 100, 107), "0000600");
    const stored = Number.parseInt(archive.toString("utf8", 148, 154), 8);
    const blank = Buffer.concat([
      archive.subarray(0, 148),
      Buffer.from(" ".repeat(8)),
      archive.subarray(156, 512),
    ]);
    assert.equal(
      stored,
      blank.reduce((sum, byte) => sum + byte, 0),
    );
    assert.throws(() => tarOf("x".repeat(101), 0, Buffer.alloc(0), 0), /does not cover uploads/);
  });

  it("finds the daemon by host, then DOCKER_HOST, then the socket", () => {
    assert.equal(dockerHost({ host: "unix:///a" }, { DOCKER_HOST: "unix:///b" }), "unix:///a");
    assert.equal(dockerHost({}, { DOCKER_HOST: "unix:///b" }), "unix:///b");
    assert.equal(dockerHost({}, { DOCKER_HOST: "" }), "unix:///var/run/docker.sock");
    assert.throws(() => dockerClient("ssh://me@host"), /does not cover the host ssh:\/\/me@host/);
  });

  it("loads the daemon's client when it is first needed", async () => {
    const client = JSON.stringify(join(root, "dist", "offline", "docker", "client"));
    const program = `
      const loaded = () => Object.keys(require.cache).some((file) => file.includes("/node_modules/dockerode/"));
      const docker = require(${client}).dockerClient("unix:///var/run/docker.sock");
      console.log(loaded(), docker() === docker(), loaded());`;
    const { stdout } = await execa("node", ["--eval", program]);
    assert.equal(stdout, "false true true");
  });

  it("words errors of the daemon as the docker CLI does", () => {
    const error = Object.assign(new Error("(HTTP code 409) x"), { json: { message: "Conflict." } });
    assert.equal(daemonMessage(error), "Error response from daemon: Conflict.");
    assert.equal(daemonMessage(new Error("plain")), "plain");
  });
});
