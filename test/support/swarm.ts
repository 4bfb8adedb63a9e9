/**
 * A Docker Swarm of a test's own: engines on this machine, each with a network namespace, a host name, a data root and a
 * socket of its own. Needs the right to make them.
 */
import { randomInt } from "node:crypto";
import { spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";
import { isAlive } from "./processes";
import { waitUntil } from "./wait";

/** The rest of the folder's name tells whose it is and how its network is called, for a later run to remove it. */
const prefix = "pgb-test-swarm-";

/**
 * Its own socket is at one path in every engine's mount namespace, as on hosts of their own, so that a service can mount it. Arguments:
 * the engine's folder for the socket, that path, the host name, the network namespace, and the engine's options.
 */
const startEngine =
  'mount --bind "$1" "$2" && hostname "$3" && network=$4 && shift 4 && exec nsenter --net="/var/run/netns/$network" dockerd "$@"';

export interface SwarmNode {
  readonly name: string;
  /** As in DOCKER_HOST. */
  readonly host: string;
  readonly folder: string;
}

export class TestSwarm {
  private constructor(
    readonly folder: string,
    readonly nodes: readonly SwarmNode[],
  ) {}

  /** The path of each node's own socket, as its containers mount it. */
  get socket(): string {
    return path.join(this.folder, "socket", "docker.sock");
  }

  /** Names of the network's parts: short, as the kernel wants them. */
  private get network(): string {
    return networkOf(this.folder);
  }

  static async create(count: number): Promise<TestSwarm> {
    const folder = await mkdtemp(path.join(os.tmpdir(), `${prefix}${process.pid}-`));
    const nodes = Array.from({ length: count }, (_, index) => {
      const own = path.join(folder, `node${index + 1}`);
      return { name: `node${index + 1}`, folder: own, host: `unix://${own}/socket/docker.sock` };
    });
    const swarm = new TestSwarm(folder, nodes);
    try {
      await mkdir(path.join(folder, "socket"));
      await swarm.connect();
      await Promise.all(nodes.map((node) => swarm.start(node)));
      await swarm.form();
      return swarm;
    } catch (error) {
      const logs = await Promise.all(
        nodes.map(({ folder: own }) => readFile(path.join(own, "log"), "utf8").catch(() => "")),
      );
      await swarm.remove();
      throw new Error(logs.map((log) => log.split("\n").slice(-15).join("\n")).join("\n"), { cause: error });
    }
  }

  private readonly subnet = `10.231.${randomInt(1, 255)}`;

  private async connect(): Promise<void> {
    const { network } = this;
    await ip("link", "add", network, "type", "bridge");
    await ip("link", "set", network, "up");
    await execa("iptables", ["-I", "FORWARD", "-i", network, "-o", network, "-j", "ACCEPT"]);
    for (const [index] of this.nodes.entries()) {
      const [namespace, outside, inside] = [
        `${network}-${index}`,
        `${network}-${index}`,
        `${network}i${index}`,
      ];
      await ip("netns", "add", namespace);
      await ip("link", "add", outside, "type", "veth", "peer", "name", inside, "netns", namespace);
      await ip("link", "set", outside, "master", network, "up");
      await ip("-n", namespace, "addr", "add", `${this.addressOf(index)}/24`, "dev", inside);
      await ip("-n", namespace, "link", "set", inside, "up");
      await ip("-n", namespace, "link", "set", "lo", "up");
    }
  }

  private addressOf(index: number): string {
    return `${this.subnet}.${index + 1}`;
  }

  /** Starts the engine of a node, and waits until it answers. */
  async start(node: SwarmNode): Promise<void> {
    const { name, folder, host } = node;
    const socket = path.join(folder, "socket");
    await mkdir(socket, { recursive: true });
    const own = ["data-root", "exec-root"].map((option) => `--${option}=${path.join(folder, option)}`);
    const options = [...own, `--pidfile=${folder}/pid`, "--host", `unix://${this.socket}`];
    const output = openSync(path.join(folder, "log"), "a");
    const common = path.dirname(this.socket);
    const network = `${this.network}-${this.nodes.indexOf(node)}`;
    spawn(
      "unshare",
      ["--uts", "--mount", "sh", "-c", startEngine, "sh", socket, common, name, network, ...options],
      { stdio: ["ignore", output, output], detached: true },
    ).unref();
    closeSync(output);
    await waitUntil(
      `an answer of the engine of ${name}`,
      async () => !(await execa("docker", ["--host", host, "version"], { reject: false })).failed,
      120,
    );
  }

  private async form(): Promise<void> {
    const [manager, ...workers] = this.nodes;
    if (manager === undefined) throw new Error("a swarm without a node");
    const address = (node: SwarmNode) => ["--advertise-addr", this.addressOf(this.nodes.indexOf(node))];
    // A node counts as down after three of these.
    const options = ["--dispatcher-heartbeat", "3s", "--default-addr-pool", "10.232.0.0/16"];
    await docker(manager, "swarm", "init", ...address(manager), ...options);
    const token = await docker(manager, "swarm", "join-token", "--quiet", "worker");
    const join = ["--token", token, `${this.addressOf(0)}:2377`];
    await Promise.all(workers.map((node) => docker(node, "swarm", "join", ...address(node), ...join)));
    await waitUntil("all nodes in the swarm", async () => {
      const ready = await docker(manager, "node", "ls", "--format", "{{.Hostname}} {{.Status}}");
      return ready.split("\n").filter((line) => line.endsWith(" Ready")).length === this.nodes.length;
    });
  }

  /** Brings images over from the machine's own engine. */
  async load(nodes: readonly SwarmNode[], ...images: string[]): Promise<void> {
    const file = path.join(this.folder, "images.tar");
    await execa("docker", ["save", "--output", file, ...images]);
    await Promise.all(nodes.map((node) => docker(node, "load", "--quiet", "--input", file)));
    await rm(file);
  }

  /** Ends the engine of a node with all that it runs, like a host whose power fails. */
  async kill(node: SwarmNode): Promise<void> {
    const pids = await processesOf(node.folder);
    for (const pid of pids) if (isAlive(pid)) process.kill(pid, "SIGKILL");
    for (let attempt = 0; attempt < 100 && pids.some(isAlive); attempt++) await sleep(100);
    await rm(path.join(node.folder, "pid"), { force: true });
    await rm(path.join(node.folder, "exec-root"), { recursive: true, force: true }).catch(() => undefined);
  }

  async remove(): Promise<void> {
    await removeSwarm(this.folder);
  }

  /** Swarms of runs whose process is gone. */
  static async removeLeftovers(): Promise<void> {
    for (const name of (await readdir(os.tmpdir())).filter((entry) => entry.startsWith(prefix))) {
      const [pid] = name.slice(prefix.length).split("-");
      if (!isAlive(Number(pid))) await removeSwarm(path.join(os.tmpdir(), name));
    }
  }
}

const networkOf = (folder: string) => `pgb${path.basename(folder).split("-").at(-1) ?? ""}`;

/** All that `create` made, whether or not it came to its end. */
async function removeSwarm(folder: string): Promise<void> {
  // A new container or shim may have begun while the others were ended.
  for (let attempt = 0; attempt < 20; attempt++) {
    const pids = (await processesOf(folder)).filter(isAlive);
    if (pids.length === 0) break;
    for (const pid of pids) if (isAlive(pid)) process.kill(pid, "SIGKILL");
    await sleep(300);
  }
  const network = networkOf(folder);
  const { stdout } = await execa("ip", ["netns", "list"]);
  for (const line of stdout.split("\n")) {
    const [namespace = ""] = line.split(" ");
    if (namespace.startsWith(`${network}-`))
      await execa("ip", ["netns", "delete", namespace], { reject: false });
  }
  await execa("ip", ["link", "delete", network], { reject: false });
  const rule = ["FORWARD", "-i", network, "-o", network, "-j", "ACCEPT"];
  await execa("iptables", ["-D", ...rule], { reject: false });
  await rm(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 500 });
}

/** The engines below a folder, containerd and its shims, and the first processes of containers, whose end takes the others along. */
async function processesOf(folder: string): Promise<number[]> {
  const named = (await execa("pgrep", ["--full", folder], { reject: false })).stdout.split("\n");
  const nodes = [folder, ...(await readdir(folder).catch(() => [])).map((name) => path.join(folder, name))];
  const first = await Promise.all(
    nodes.map(async (node) => {
      const tasks = path.join(node, "exec-root/containerd/daemon/io.containerd.runtime.v2.task/moby");
      const containers = await readdir(tasks).catch(() => []);
      return Promise.all(
        containers.map((id) => readFile(path.join(tasks, id, "init.pid"), "utf8").catch(() => "0")),
      );
    }),
  );
  return [...named, ...first.flat()].map(Number).filter((pid) => pid > 1 && pid !== process.pid);
}

async function ip(...args: string[]): Promise<void> {
  await execa("ip", args);
}

/** Runs docker on a node. */
export async function docker(node: SwarmNode, ...args: string[]): Promise<string> {
  return (await execa("docker", ["--host", node.host, ...args])).stdout;
}
