/** Runs a verb as a process of its own, which has the password of its job, and whose end ends nothing else. */
import { execa } from "execa";
import { Failure, type FailureCode, failureCodes } from "../lib/failure";

interface Run {
  readonly verb: "backup" | "verify";
  readonly request: object;
  /** Added to the environment of the agent. */
  readonly env: Readonly<Record<string, string>>;
  /** Gets each line that the process logs. */
  readonly log: (line: string) => void;
  readonly signal: AbortSignal;
}

/** Time that an interrupted process has to clean up; it takes 15 seconds at most. */
const graceMilliseconds = 20_000;

/** The result of the verb, or the failure that it ended with. */
export async function runVerb(program: string, { verb, request, env, log, signal }: Run): Promise<unknown> {
  const child = execa(process.execPath, [program, verb, "--request", "-", "--json"], {
    input: JSON.stringify(request),
    env,
    cancelSignal: signal,
    forceKillAfterDelay: graceMilliseconds,
    reject: false,
    buffer: { stderr: false },
  });
  const logged = (async () => {
    for await (const line of child.iterable({ from: "stderr" })) log(line);
  })();
  const [{ stdout, exitCode, signal: killedBy }] = await Promise.all([child, logged]);
  signal.throwIfAborted();
  const result = readResult(stdout);
  if (exitCode === 0 && result !== undefined) return result;
  const { code, message } =
    (result as { error?: { code?: string; message?: string } } | undefined)?.error ?? {};
  if (message === undefined)
    throw new Failure(
      "run-died",
      `The process of this ${verb} ended (${killedBy ?? `exit status ${exitCode ?? "unknown"}`}) and did not say why; see the log.`,
    );
  if (!isFailureCode(code)) throw new Error(message);
  throw new Failure(code, message);
}

function readResult(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isFailureCode(code: string | undefined): code is FailureCode {
  return (failureCodes as readonly string[]).includes(code ?? "");
}
