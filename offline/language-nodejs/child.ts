import { spawn, type ChildProcess, type SpawnOptions } from "node:child_process";

const GRACE_MILLISECONDS = 5000;

/** The exit code of a process, or -1 if a signal ended it. */
export type ExitCode = number;

export interface Output {
  stdout: (chunk: Buffer) => void;
  stderr: (chunk: Buffer) => void;
}

/** Interrupts a process, and kills it if it does not end in time. */
function interrupt(child: ChildProcess): void {
  child.kill("SIGINT");
  setTimeout(() => child.kill("SIGKILL"), GRACE_MILLISECONDS).unref();
}

/** Runs Node.js to its end, or interrupts it on abort. Its output is inherited unless the caller takes it. */
export function runNode(
  args: string[],
  options: Pick<SpawnOptions, "cwd" | "env">,
  signal: AbortSignal,
  output?: Output,
): Promise<ExitCode> {
  return runProgram("node", args, options, signal, output);
}

export function runProgram(
  program: string,
  args: string[],
  options: Pick<SpawnOptions, "cwd" | "env">,
  signal: AbortSignal,
  output?: Output,
): Promise<ExitCode> {
  return new Promise((resolve, reject) => {
    const stdio = output === undefined ? "inherit" : "pipe";
    const child = spawn(program, args, { ...options, stdio: ["ignore", stdio, stdio] });
    const onAbort = (): void => {
      interrupt(child);
    };
    signal.addEventListener("abort", onAbort);
    if (signal.aborted) onAbort();
    if (output !== undefined) {
      child.stdout?.on("data", output.stdout);
      child.stderr?.on("data", output.stderr);
    }
    child.on("error", (error) => {
      reject(new Error(`Problem executing program (could not run language executor): ${error.message}`));
    });
    child.on("close", (code) => {
      signal.removeEventListener("abort", onAbort);
      resolve(code ?? -1);
    });
  });
}
