/** A Docker daemon of a test's own, which may be killed without harm to any other container. */
import { spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";
import { isAlive, mountsBelow } from "./processes";
import { waitUntil } from "./wait";

/** The rest of the folder's name tells whose daemon it is, for a later run to end it. */
const prefix = "pgb-test-daemon-";

export class SecondDaemon {
  private constructor(private readonly folder: string) {}

  static async create(): Promise<SecondDaemon> {
    return new SecondDaemon(await mkdtemp(path.join(os.tmpdir(), `${prefix}${process.pid}-`)));
  }

  get address(): string {
    return `unix://${this.folder}/docker.sock`;
  }

  /**
   * Starts it and waits until it answers. It has a network namespace of its own: with the option for no bridge, a daemon
   * deletes the bridge docker0 where it finds one, and in the machine's namespace that is the machine's own.
   */
  async start(): Promise<void> {
    const places = ["data-root", "exec-root"].map((name) => `--${name}=${path.join(this.folder, name)}`);
    const options = ["--bridge=none", "--iptables=false", "--ip-masq=false", `--pidfile=${this.folder}/pid`];
    const log = path.join(this.folder, "log");
    const output = openSync(log, "w");
    spawn("unshare", ["--net", "dockerd", ...places, ...options, "--host", this.address], {
      stdio: ["ignore", output, output],
      detached: true,
    }).unref();
    closeSync(output);
    const answers = async () =>
      !(await execa("docker", ["--host", this.address, "version"], { reject: false })).failed;
    await waitUntil("an answer of the second Docker daemon", answers).catch(async (error: unknown) => {
      throw new Error(await readFile(log, "utf8"), { cause: error });
    });
  }

  /** Brings an image over from the machine's own daemon. */
  async load(image: string): Promise<void> {
    const save = execa("docker", ["save", image], { stdout: "pipe", buffer: false });
    await save.pipe("docker", ["--host", this.address, "load"]);
  }

  /** SIGTERM makes it stop its containers first. */
  async end(signal: "SIGTERM" | "SIGKILL"): Promise<void> {
    const pid = Number(await readFile(path.join(this.folder, "pid"), "utf8").catch(() => "0"));
    if (pid === 0 || !isAlive(pid)) return;
    process.kill(pid, signal);
    for (let attempt = 0; attempt < 150 && isAlive(pid); attempt++) await sleep(200);
    // containerd goes with it, but looks alive to the next daemon as long as nobody has reaped it.
    await rm(path.join(this.folder, "exec-root/containerd/containerd.pid"), { force: true });
  }

  async remove(): Promise<void> {
    await this.end("SIGTERM");
    for (const pid of await this.processes()) process.kill(pid, "SIGKILL");
    await sleep(500);
    for (const mount of (await mountsBelow(this.folder)).reverse()) await execa("umount", [mount]);
    await rm(this.folder, { recursive: true, force: true });
  }

  /** Daemons of runs whose process is gone. */
  static async removeLeftovers(): Promise<void> {
    for (const name of (await readdir(os.tmpdir())).filter((entry) => entry.startsWith(prefix))) {
      const [pid] = name.slice(prefix.length).split("-");
      if (!isAlive(Number(pid))) await new SecondDaemon(path.join(os.tmpdir(), name)).remove();
    }
  }

  /** containerd, its shims and the first processes of their containers, where the daemon was killed. */
  private async processes(): Promise<number[]> {
    const tasks = path.join(this.folder, "exec-root/containerd/daemon/io.containerd.runtime.v2.task/moby");
    const containers = await readdir(tasks).catch(() => []);
    const first = await Promise.all(
      containers.map((id) => readFile(path.join(tasks, id, "init.pid"), "utf8").catch(() => "0")),
    );
    const others = await execa("pgrep", ["--full", this.folder], { reject: false });
    return [...first, ...others.stdout.split("\n")].map(Number).filter((pid) => pid > 1 && isAlive(pid));
  }
}
