import type { Readable, Writable } from "node:stream";
import { buffer } from "node:stream/consumers";
import type { Options } from "execa";
import { type Docker, spawnDocker } from "./docker";
import { Failure } from "../lib/failure";
import { roomOrEnd } from "../lib/writable";
import tie from "./tie.sh";
import tieReader from "./tie-reader.sh";
import { wholeOr, wholeOutput } from "./whole-output";
import filter from "./filter.sh";

export interface ExecTarget {
  readonly docker: Docker;
  /** Container id: a name could mean another container by the time a later process starts. */
  readonly container: string;
  /** Variables of the process. */
  readonly env: Readonly<Record<string, string>>;
  /** Variables of the container that the process must not see, unless `env` sets them. */
  readonly withoutEnv?: readonly string[];
  /** Names of variables that this program hands on from its own environment; their values are never arguments. */
  readonly secretEnv: readonly string[];
}

/** The command that runs a script with arguments. */
export function shell(script: string, ...args: readonly string[]): string[] {
  return ["sh", "-c", script, "sh", ...args];
}

/** The user for a process that reads or writes files of the caller. */
export function callerIds(): string {
  return `${process.getuid?.() ?? 0}:${process.getgid?.() ?? 0}`;
}

/** The arguments of `docker exec` that start a process in the container. */
export function execArguments(target: ExecTarget, command: readonly string[], user?: string): string[] {
  const withoutEnv = (target.withoutEnv ?? []).filter((name) => !(name in target.env));
  // Podman's docker cannot remove a variable.
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

/** Starts a process that reads one statement after another; when its input ends, the statement that runs is cancelled. */
export function execFed<O extends Options>(
  target: ExecTarget,
  command: readonly string[],
  options: O & { readonly user?: string | undefined },
) {
  const { user, ...rest } = options;
  return spawnDocker(target.docker, execArguments(target, shell(tieReader, ...command), user), rest);
}

/** After so many milliseconds, the client of a process that has not ended its database sessions is killed. */
const graceMilliseconds = 5_000;

/** How a process in a container ended. */
export interface Ended {
  readonly failed: boolean;
  readonly exitCode?: number | undefined;
  readonly stderr: string;
}

export interface StreamedProcess {
  /** Its standard output. The process ends only when somebody reads this to its end. */
  readonly chunks: Readable;
  /** Its standard error, while it runs. */
  readonly errors: Readable;
  /** Fails only if the output was cut off. */
  readonly ended: Promise<Ended>;
}

interface TiedOptions {
  /** The user of the operating system. */
  readonly user?: string;
  /** What the process reads; as `/dev/stdin`, it is a file that several processes can read. */
  readonly input?: string | Uint8Array;
}

/** The exit code of the script if it finds no folder for the input. */
const noFolder = 73;

/**
 * Starts a process that ends, with its database sessions, when the signal aborts it or when this program ends for whatever
 * reason.
 */
export function streamTied(
  target: ExecTarget,
  command: readonly string[],
  signal: AbortSignal,
  { user, input = "" }: TiedOptions = {},
): StreamedProcess {
  const { mark, output, follow } = wholeOutput();
  const tied = shell(tie, mark, String(Buffer.byteLength(input)), ...command);
  const process = spawnDocker(target.docker, execArguments(target, tied, user), {
    stdin: "pipe",
    stdout: { transform: output },
    stderr: "pipe",
    buffer: { stdout: false },
    reject: false,
  });
  process.stdin.on("error", () => undefined);
  if (input.length > 0) process.stdin.write(input);
  follow(process, () => process.stdin.end("\n"));
  const end = () => {
    process.stdin.end();
    setTimeout(() => process.kill("SIGKILL"), graceMilliseconds).unref();
  };
  if (signal.aborted) end();
  else signal.addEventListener("abort", end, { once: true });
  const ended = process.then((result) => {
    signal.removeEventListener("abort", end);
    if (input.length > 0 && result.exitCode === noFolder) throw noFolderFailure(target);
    return wholeOr(result);
  });
  // The caller awaits this only after it has read the output.
  ended.catch(() => undefined);
  return { chunks: process.stdout, errors: process.stderr, ended };
}

/** The same for a process whose output fits into memory. */
export function runTied(
  target: ExecTarget,
  command: readonly string[],
  signal: AbortSignal,
  options?: TiedOptions,
) {
  return readProcess(streamTied(target, command, signal, options));
}

function noFolderFailure({ container }: ExecTarget): Failure {
  return new Failure(
    "folder-not-writable",
    `A restore needs room for a small file in container ${container.slice(0, 12)}, and none of /tmp, /var/tmp, /dev/shm, /run can be written there. ` +
      'Start it with "--tmpfs /tmp".',
  );
}

/** Collects all that a process writes. */
export async function readProcess({
  chunks,
  ended,
}: StreamedProcess): Promise<Ended & { readonly stdout: Buffer }> {
  const [stdout, result] = await Promise.all([buffer(chunks), ended]);
  return { ...result, stdout };
}

/** Feeds content to a process, which may depend on what the process prints. If reading the content fails, this fails with that error. */
export async function execFilled(
  target: ExecTarget,
  command: readonly string[],
  content: (printed: Readable) => AsyncIterable<string | Uint8Array>,
  signal: AbortSignal,
  user: string,
): Promise<Ended> {
  const process = spawnDocker(target.docker, execArguments(target, command, user), {
    stdin: "pipe",
    buffer: { stdout: false },
    cancelSignal: signal,
    reject: false,
  });
  const { stdin, stdout } = process;
  const fed = feed(stdin, content(stdout), () => !stdin.destroyed).finally(() => stdin.end());
  fed.catch(() => undefined);
  const result = await process;
  signal.throwIfAborted();
  await fed;
  return result;
}

/** Content whose length is known before it is read. */
export interface SizedContent {
  readonly bytes: number;
  /** Each call reads it again from its beginning. */
  readonly content: () => AsyncIterable<Uint8Array>;
}

interface FilterOptions {
  readonly toEnd?: boolean;
  /** The user of the operating system. */
  readonly user?: string;
}

/**
 * Starts a process that reads content and writes an output. If reading the content fails, `ended` fails with that error. With
 * `toEnd`, the content is read to its end, where its checksum is compared, even if the process has read enough.
 *
 * The number of bytes tells the process where its input ends, because the input stays open until the output was read:
 * see {@link wholeOutput}.
 */
export function execFilter(
  target: ExecTarget,
  command: readonly string[],
  { bytes, content }: SizedContent,
  signal: AbortSignal,
  { toEnd = false, user }: FilterOptions = {},
): StreamedProcess {
  const { mark, output, follow } = wholeOutput();
  const filtering = shell(filter, mark, String(bytes), ...command);
  const process = spawnDocker(target.docker, execArguments(target, filtering, user), {
    stdin: "pipe",
    stdout: { transform: output },
    buffer: { stdout: false },
    cancelSignal: signal,
    reject: false,
  });
  const { stdin } = process;
  const fed = feed(stdin, content(), () => stdin.writable || (toEnd && !signal.aborted));
  follow(process, () => stdin.end());
  fed.catch((error: unknown) => {
    stdin.end();
    output.destroy(error as Error);
  });
  const ended = (async () => {
    const result = await process;
    signal.throwIfAborted();
    await fed;
    return wholeOr(result);
  })();
  // The caller awaits this only after it has read the output.
  ended.catch(() => undefined);
  return { chunks: process.stdout, errors: process.stderr, ended };
}

/** Reads the content while `goesOn` says so, and writes it to the input while that is open. */
async function feed(
  input: Writable,
  content: AsyncIterable<string | Uint8Array>,
  goesOn: () => boolean,
): Promise<void> {
  // A process that ends early closes its input.
  input.on("error", () => undefined);
  for await (const chunk of content) {
    if (!goesOn()) return;
    if (!input.writable) continue;
    input.write(chunk);
    await roomOrEnd(input);
  }
}
