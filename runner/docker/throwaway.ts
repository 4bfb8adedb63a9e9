/** Containers that live no longer than this program does. */
import { randomBytes } from "node:crypto";
import { createInterface } from "node:readline";
import { setTimeout } from "node:timers/promises";
import { Failure } from "../lib/failure";
import { removeAbandonedThrowaways, throwawayLabels } from "./abandoned-throwaways";
import { type Docker, dockerFailure, spawnDocker } from "./docker";
import tie from "./throwaway.sh";
import path from "node:path";

interface ThrowawayOptions {
  readonly image: string;
  /** The value of its label. */
  readonly purpose: string;
  /** Default: a unique name. */
  readonly name?: string;
  readonly env: Readonly<Record<string, string>>;
  /** Default: no network. */
  readonly network?: string;
  /** Further options of `docker run`. */
  readonly options: readonly string[];
  readonly command: readonly string[];
}

export interface Throwaway {
  readonly name: string;
  /** The last lines that its command wrote. */
  log(): string;
  running(): boolean;
  /** Ends and removes it. */
  close(): Promise<void>;
}

const uniqueName = () => `postgis-backup-${randomBytes(6).toString("hex")}`;

const keptLines = 30;

/** If the daemon has not removed a container after so many seconds, it is told to do so again. */
const closeSeconds = 10;

export async function startThrowaway(
  docker: Docker,
  { image, purpose, name = uniqueName(), env, network = "none", options, command }: ThrowawayOptions,
  signal: AbortSignal,
): Promise<Throwaway> {
  signal.throwIfAborted();
  // "docker run" does both, but waits for its input to end if the start fails because a mounted folder is gone.
  const create = [
    ...["create", "--interactive", "--rm", "--network", network, "--name", name],
    ...throwawayLabels(purpose),
    ...Object.entries(env).flatMap(([variable, value]) => ["--env", `${variable}=${value}`]),
    ...options,
    ...["--entrypoint", "sh", image, "-c", tie, "sh", ...command],
  ];
  const created = await spawnDocker(docker, create, { reject: false });
  if (created.failed) throw notStarted(image, created, created.stderr);
  const id = created.stdout.trim();
  const remove = () => spawnDocker(docker, ["rm", "--force", "--volumes", id], { reject: false });
  if (signal.aborted) await remove();
  signal.throwIfAborted();
  const process = spawnDocker(docker, ["start", "--attach", "--interactive", id], {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "pipe",
    buffer: false,
    reject: false,
  });
  process.stdin.on("error", () => undefined);
  const lines: string[] = [];
  let running = true;
  createInterface({ input: process.stderr }).on("line", (line) => {
    lines.push(line);
    if (lines.length > keptLines) lines.shift();
  });
  const ended = process.then((result) => {
    running = false;
    return result;
  });
  // This runs in the background, and its errors do not fail this run.
  const cleaned = removeAbandonedThrowaways(docker).catch(() => undefined);
  const close = async () => {
    process.stdin.end();
    const late = setTimeout(closeSeconds * 1000, "late", { ref: false });
    const [outcome] = await Promise.all([Promise.race([ended, late]), cleaned]);
    if (outcome !== "late") return;
    await remove();
    process.kill("SIGKILL");
    await ended;
  };
  const started = new Promise<"started">((resolve) => {
    createInterface({ input: process.stdout }).once("line", () => {
      resolve("started");
    });
  });
  const aborted = new Promise<"aborted">((resolve) => {
    signal.addEventListener("abort", () => {
      resolve("aborted");
    });
  });
  const outcome = await Promise.race([started, aborted, ended]);
  if (outcome === "started") return { name, log: () => lines.join("\n"), running: () => running, close };
  await close();
  // The daemon itself removes only what was started.
  await remove();
  signal.throwIfAborted();
  throw notStarted(image, outcome, lines.join("\n"));
}

function notStarted(image: string, outcome: unknown, words: string): unknown {
  const failure = dockerFailure(outcome);
  if (failure instanceof Failure && failure.code !== "docker-failed") return failure;
  return new Failure(
    "docker-failed",
    `A throwaway container of the image ${image} cannot be started: ${words}`,
  );
}

/** The value of --mount for a file or folder of the host. */
export function bindMount(source: string, target: string): string {
  return ["type=bind", csvField(`source=${path.resolve(source)}`), csvField(`target=${target}`)].join(",");
}

/** That value is one line of CSV. */
function csvField(text: string): string {
  return /[",]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
