import type { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import type { Options } from "execa";
import { type Docker, spawnDocker } from "./docker";
import { wholeOr, wholeOutput } from "./whole-output";

/**
 * Ties a process in a container to the standard input of its client. The docker daemon does not end an exec'd
 * process when its client dies, but it does close the process's input: the watcher reads that input to its end and
 * then interrupts the process, which makes libpq's programs cancel their queries. A background job of a shell gets
 * /dev/null as input, hence descriptor 3. The umask makes what the process writes its owner's alone.
 *
 * The shell waits for both of its children. An orphan would become a child of the container's first process; where
 * that is the postmaster, it takes an unknown child that dies by a signal for a crashed backend, and restarts.
 */
const tie = `umask 077
mark=$1; shift
exec 3<&0
"$@" </dev/null & process=$!
(while read -r _ <&3; do :; done; kill -s INT "$process") >/dev/null 2>&1 & watcher=$!
wait "$process"; status=$?
kill "$watcher" 2>/dev/null
wait "$watcher" 2>/dev/null
[ "$status" != 0 ] || { printf %s "$mark"; read -r _ <&3; }
exit "$status"`;

/**
 * The same for a process that reads input: it is fed by a cat, after whose end the whole process group is interrupted, so
 * that a statement which still waits is cancelled. The other way round the group is interrupted when the process has ended,
 * because the shell would wait for the cat. Each shell traps the signal, and so lives to wait for its children.
 */
const fedTie = `trap : INT
{ trap : INT; cat; kill -s INT 0; } | { trap : INT; "$@"; status=$?; kill -s INT 0; exit "$status"; }`;

export interface ExecTarget {
  readonly docker: Docker;
  /** Container id: a name could mean another container by the time a later process starts. */
  readonly container: string;
  /** Variables for the process. */
  readonly env: Readonly<Record<string, string>>;
  /** Variables of the container that the process must not see, unless they are set here. */
  readonly withoutEnv?: readonly string[];
  /** Names of variables of this program's own environment that are handed on; their values never are arguments. */
  readonly secretEnv: readonly string[];
}

/** The user for a process that reads or writes files of the caller. */
export function callerIds(): string {
  return `${process.getuid?.() ?? 0}:${process.getgid?.() ?? 0}`;
}

/** Arguments of `docker exec` that start a process in the container. */
export function execArguments(target: ExecTarget, command: readonly string[], user?: string): string[] {
  const withoutEnv = (target.withoutEnv ?? []).filter((name) => !(name in target.env));
  // Podman's docker has no way to take a variable away.
  const without = withoutEnv.length === 0 ? [] : ["env", ...withoutEnv.flatMap((name) => ["-u", name])];
  return [
    "exec",
    "--interactive",
    ...(user === undefined ? [] : ["--user", user]),
    ...Object.entries(target.env).flatMap(([name, value]) => ["--env", `${name}=${value}`]),
    ...target.secretEnv.flatMap((name) => ["--env", name]),
    target.container,
    ...without,
    ...command,
  ];
}

/** Starts a process that reads its own standard input and ends when that closes. */
export function execInteractive<O extends Options>(
  target: ExecTarget,
  command: readonly string[],
  options: O,
) {
  return spawnDocker(target.docker, execArguments(target, command), options);
}

/** Starts a process that is given one statement after another, and that does not finish the last one when its input ends. */
export function execFed<O extends Options>(
  target: ExecTarget,
  command: readonly string[],
  options: O & { readonly user?: string | undefined },
) {
  const { user, ...rest } = options;
  return spawnDocker(
    target.docker,
    execArguments(target, ["sh", "-c", fedTie, "sh", ...command], user),
    rest,
  );
}

/** Milliseconds that a process has to end its database sessions before its client is killed. */
const graceMilliseconds = 5_000;

/** How a process in a container ended. */
export interface Ended {
  readonly failed: boolean;
  readonly exitCode?: number | undefined;
  readonly stderr: string;
}

export interface StreamedProcess {
  /** Its standard output, which has to be read to its end for the process to end. */
  readonly chunks: Readable;
  /** Its standard error, while it runs. */
  readonly errors: Readable;
  /** Fails only where the output cannot be told to be whole. */
  readonly ended: Promise<Ended>;
}

/**
 * Starts a process that reads no input and that ends, with its database sessions, when the signal says so or when this
 * program ends for whatever reason.
 */
export function streamTied(
  target: ExecTarget,
  command: readonly string[],
  signal: AbortSignal,
  user?: string,
): StreamedProcess {
  const { mark, output, follow } = wholeOutput();
  const process = spawnDocker(
    target.docker,
    execArguments(target, ["sh", "-c", tie, "sh", mark, ...command], user),
    {
      stdin: "pipe",
      stdout: { transform: output },
      stderr: "pipe",
      buffer: { stdout: false },
      reject: false,
    },
  );
  process.stdin.on("error", () => undefined);
  follow(process, () => process.stdin.end("\n"));
  const end = () => {
    process.stdin.end();
    setTimeout(() => process.kill("SIGKILL"), graceMilliseconds).unref();
  };
  if (signal.aborted) end();
  else signal.addEventListener("abort", end, { once: true });
  const ended = process.then((result) => {
    signal.removeEventListener("abort", end);
    return wholeOr(result);
  });
  // Whoever reads the output asks for its end later.
  ended.catch(() => undefined);
  return { chunks: process.stdout, errors: process.stderr, ended };
}

/** The same for a process whose output fits into memory. */
export function runTied(target: ExecTarget, command: readonly string[], signal: AbortSignal, user?: string) {
  return readProcess(streamTied(target, command, signal, user));
}

/** All that a process writes. */
export async function readProcess({
  chunks,
  ended,
}: StreamedProcess): Promise<Ended & { readonly stdout: Buffer }> {
  const [stdout, result] = await Promise.all([buffer(chunks), ended]);
  return { ...result, stdout };
}
