/**
 * One ssh connection that carries any number of docker calls: the socket of the daemon on the other host, forwarded to a socket here.
 * The docker command line opens connections of its own for each call, and a host's sshd drops some when many arrive at once.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, rmSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { get } from "node:http";
import type { Socket } from "node:net";
import os from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { setTimeout } from "node:timers/promises";
import { isPlainPath, type SshAddress, sshArguments } from "./ssh-address";
import script from "./ssh-forward.sh";

export interface Forward {
  readonly socket: string;
  /** When the connection has ended: what ssh said last. */
  readonly ended: Promise<string>;
}

const usualSocket = "/var/run/docker.sock";

/** Another process of this host may be connecting as often as this one. */
const attempts = 4;

/** Undefined where no connection can be had, or it cannot carry the socket. The docker command line may do better, or says why not. */
export async function forwardDocker(address: SshAddress, signal?: AbortSignal): Promise<Forward | undefined> {
  if (process.platform === "win32") return undefined;
  for (let attempt = 1; ; attempt++) {
    const forward = await forwardTo(
      address,
      address.socket ?? usualSocket,
      address.socket !== undefined,
      signal,
    );
    if (forward !== "dropped") return forward;
    if (attempt === attempts || signal?.aborted === true) return undefined;
    await setTimeout(1000 * attempt * (0.5 + Math.random()));
  }
}

/** If the socket is only a guess, the daemon's endpoint is asked on the same connection, which costs a second one if it is another. */
async function forwardTo(
  address: SshAddress,
  remote: string,
  isKnown: boolean,
  signal: AbortSignal | undefined,
): Promise<Forward | "dropped" | undefined> {
  const folder = await makeFolder();
  if (folder === undefined) return undefined;
  const socket = path.join(folder, "docker.sock");
  if (!isPlainPath(socket) || !isPlainPath(remote)) {
    await rm(folder, { recursive: true, force: true });
    return undefined;
  }
  const ssh = startSsh(address, folder, socket, remote, isKnown);
  signal?.addEventListener("abort", ssh.close, { once: true });
  if (signal?.aborted === true) ssh.close();
  const said = await ssh.firstLine;
  const isUsable = said === `unix://${remote}` && (await answers(socket));
  signal?.removeEventListener("abort", ssh.close);
  if (isUsable) {
    ssh.keep();
    return { socket, ended: ssh.ended };
  }
  ssh.close();
  const words = await ssh.ended;
  if (said === undefined) return isDrop(words) ? "dropped" : undefined;
  const other = /^unix:\/\/(.+)$/.exec(said)?.[1];
  return other === undefined || other === remote ? undefined : forwardTo(address, other, true, signal);
}

/** The folder for temporary files may have a long name. */
async function makeFolder(): Promise<string | undefined> {
  for (const parent of [os.tmpdir(), "/tmp"]) {
    const start = path.join(parent, "postgis-backup-ssh-");
    if (!isPlainPath(`${start}XXXXXX/docker.sock`)) continue;
    const folder = await mkdtemp(start).catch(() => undefined);
    if (folder !== undefined) return folder;
  }
  return undefined;
}

/** An sshd that has many connections whose users are yet unknown closes some of them. */
function isDrop(words: string): boolean {
  return /kex_exchange_identification|banner exchange|Connection (closed|reset) by/i.test(words);
}

/** ssh gives up connecting after 30 seconds; a host that then asks for something that nobody types would wait for ever. */
const connectMilliseconds = 60_000;
/** The socket is there when the host has let this program in. A host that runs another command than the one it is told says nothing then. */
const answerMilliseconds = 20_000;

const keptLines = 5;

function startSsh(address: SshAddress, folder: string, socket: string, remote: string, isKnown: boolean) {
  const options = [
    // A connection that others share would outlive this program, and keep the socket.
    ...["-o", "ControlMaster=no", "-o", "ControlPath=none"],
    // One that is dead ends, with all that waits for it.
    ...["-o", "ServerAliveInterval=15", "-o", "ServerAliveCountMax=4"],
    ...["-L", `${socket}:${remote}`],
  ];
  const endpoint = isKnown
    ? `echo unix://${remote}`
    : "docker context inspect --format '{{.Endpoints.docker.Host}}' || echo none";
  // The shell there ends with the input, which this process never writes to.
  const args = sshArguments(address, options, `${endpoint}; cat`);
  // In a session of its own it has no terminal to ask for passwords, and an interrupt from the keyboard does not reach it, because what
  // this program cleans up afterwards needs it.
  const child = spawn("sh", ["-c", script, "sh", folder, "ssh", ...args], {
    stdio: ["pipe", "pipe", "pipe"],
    detached: true,
  });
  child.stdin.on("error", () => undefined);
  const errors: string[] = [];
  createInterface({ input: child.stderr }).on("line", (line) => {
    errors.push(line);
    if (errors.length > keptLines) errors.shift();
  });
  const ended = new Promise<string>((resolve) => {
    child.once("error", () => {
      rmSync(folder, { recursive: true, force: true });
      resolve("");
    });
    const end = () => {
      resolve(errors.join("\n"));
    };
    child.once("close", end);
    // What ssh started to get there may hold its output for longer.
    child.once("exit", () => {
      void setTimeout(1000, undefined, { ref: false }).then(end);
    });
  });
  const kill = () => {
    killGroup(child);
    rmSync(folder, { recursive: true, force: true });
  };
  // As long as ssh connects, it does not see that its input ends.
  process.once("exit", kill);
  void ended.then(() => process.off("exit", kill));
  const done = new AbortController();
  const line = new Promise<string>((resolve) => {
    createInterface({ input: child.stdout }).on("line", (text) => {
      // A shell may greet first.
      if (/^(none|[a-z]+:\/\/.*)$/.test(text)) resolve(text);
    });
  });
  const firstLine = Promise.race([
    line,
    ended.then(() => undefined),
    silent(socket, done.signal).catch(() => undefined),
  ]).finally(() => {
    done.abort();
  });
  return {
    /** Undefined if ssh ended or the host says nothing. */
    firstLine,
    ended,
    close: kill,
    /** From here on, it ends with its input, and does not keep this program from ending. */
    keep: () => {
      process.off("exit", kill);
      child.unref();
      for (const stream of child.stdio) (stream as Socket | null)?.unref();
    },
  };
}

/** Ends when the host has said nothing for too long. */
async function silent(socket: string, done: AbortSignal): Promise<undefined> {
  const deadline = performance.now() + connectMilliseconds;
  while (!existsSync(socket) && performance.now() < deadline)
    await setTimeout(100, undefined, { signal: done });
  await setTimeout(answerMilliseconds, undefined, { signal: done });
}

/** The shell that waits for ssh, and ssh. */
function killGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGTERM");
  } catch {
    // They have ended.
  }
}

/** Whether a daemon is behind the socket. A host may let the user in, but not to the socket. */
function answers(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const request = get(
      { socketPath, path: "/_ping", agent: false, timeout: answerMilliseconds },
      (response) => {
        response.resume();
        resolve(response.statusCode === 200);
      },
    );
    request.once("timeout", () => request.destroy(new Error("no answer")));
    request.once("error", () => {
      resolve(false);
    });
  });
}
