import { spawn, type ChildProcess } from "node:child_process";
import { existsSync } from "node:fs";
import type { Operation } from "../provider/provider";
import { exitFailure, goQuote, startFailure } from "./go-text";
import type { CommandInputs } from "./inputs";
import { LogQueue } from "./log-queue";

export interface CommandOutput {
  stdout: string;
  stderr: string;
}

const STREAMS = ["stdout", "stderr"] as const;

type Take = (stream: keyof CommandOutput, chunk: Buffer) => void;

/** The environment of a command: the plugin's environment, then `environment`, then the output of the last run. */
export function commandEnvironment(
  base: NodeJS.ProcessEnv,
  inputs: CommandInputs,
  previous: CommandOutput,
): NodeJS.ProcessEnv {
  const environment: NodeJS.ProcessEnv = { ...base, ...inputs.environment };
  if (inputs.addPreviousOutputInEnv === false) return environment;
  if (previous.stdout !== "") environment["PULUMI_COMMAND_STDOUT"] = previous.stdout;
  if (previous.stderr !== "") environment["PULUMI_COMMAND_STDERR"] = previous.stderr;
  return environment;
}

/** The interpreter is the program, and the command is its last argument. */
export function commandLine(command: string, inputs: CommandInputs): [program: string, args: string[]] {
  const [program = "/bin/sh", ...args] = inputs.interpreter ?? [];
  return inputs.interpreter?.length ? [program, [...args, command]] : ["/bin/sh", ["-c", command]];
}

/** Whether to show a stream while the command runs. */
export function isLogged(inputs: CommandInputs, stream: keyof CommandOutput): boolean {
  return inputs.logging === undefined || [stream, "stdoutAndStderr"].includes(inputs.logging);
}

/** Writes the input of a process and reads its output. If a chunk cannot be handled, the process is ended. */
function attach(child: ChildProcess, stdin: string | undefined, take: Take): () => string | undefined {
  let broken: string | undefined;
  for (const stream of STREAMS) {
    child[stream]?.on("data", (chunk: Buffer) => {
      try {
        take(stream, chunk);
      } catch (error) {
        broken = (error as Error).message;
        child.kill("SIGKILL");
      }
    });
  }
  // A command may end before it has read all its input.
  child.stdin?.on("error", () => undefined);
  child.stdin?.end(stdin);
  return () => broken;
}

/** Runs a command to its end. Returns the error text of Go if it failed. */
function execute(
  command: string,
  inputs: CommandInputs,
  previous: CommandOutput,
  signal: AbortSignal,
  take: Take,
): Promise<string | undefined> {
  const [program, args] = commandLine(command, inputs);
  const { dir, stdin } = inputs;
  return new Promise((resolve) => {
    const cannotStart = (error: unknown): void => {
      const dirExists = dir === undefined || existsSync(dir);
      resolve(startFailure(error as NodeJS.ErrnoException, program, dir, dirExists));
    };
    try {
      const child = spawn(program, args, {
        cwd: dir,
        env: commandEnvironment(process.env, inputs, previous),
        stdio: [stdin === undefined || stdin === "" ? "ignore" : "pipe", "pipe", "pipe"],
        // As in the official provider, only this process is killed, not its children.
        signal,
        killSignal: "SIGKILL",
      });
      const broken = attach(child, stdin, take);
      child.on("error", (error) => {
        // A killed process is reported when it has ended.
        if (child.pid === undefined) cannotStart(error);
      });
      child.on("close", (code, killedBy) => {
        resolve(broken() ?? exitFailure(code, killedBy));
      });
    } catch (error) {
      cannotStart(error);
    }
  });
}

function text(chunks: Buffer[]): string {
  return Buffer.concat(chunks).toString("utf8");
}

/** Runs a command and returns its output. On failure it throws an error with the command and the output. */
export async function runCommand(
  command: string,
  inputs: CommandInputs,
  previous: CommandOutput,
  { signal, log }: Pick<Operation, "signal" | "log">,
): Promise<CommandOutput> {
  const both: Buffer[] = [];
  const output: Record<keyof CommandOutput, Buffer[]> = { stdout: [], stderr: [] };
  const queue = new LogQueue(log);
  const failure = await execute(command, inputs, previous, signal, (stream, chunk) => {
    output[stream].push(chunk);
    both.push(chunk);
    if (isLogged(inputs, stream)) queue.push(chunk);
  });
  await queue.end();
  if (failure !== undefined) throw new Error(`${failure}: running ${goQuote(command)}:\n${text(both)}`);
  const [stdout, stderr] = STREAMS.map((stream) => text(output[stream]).replace(/\n$/, ""));
  return { stdout: stdout ?? "", stderr: stderr ?? "" };
}
