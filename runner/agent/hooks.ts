/** The commands that a job runs before and after its backups. */
import { execa } from "execa";
import { docker as dockerFor } from "../docker/connection";
import { spawnDocker, withAddress } from "../docker/docker";
import { execArguments, shell } from "../docker/exec";
import { findByName } from "../docker/container";
import { Failure } from "../lib/failure";
import { type AgentHook, milliseconds } from "../request";
import script from "./hook.sh";

interface Surroundings {
  readonly container: string;
  readonly dockerHost: string | undefined;
  /** Variables of commands on the host. */
  readonly env: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

/** Runs them one after the other; the first that fails or takes too long is the last. */
export async function runHooks(
  which: "before" | "after",
  hooks: readonly AgentHook[],
  surroundings: Surroundings,
): Promise<void> {
  for (const hook of hooks) await runHook(which, hook, surroundings);
}

async function runHook(
  which: "before" | "after",
  hook: AgentHook,
  { container, dockerHost, env, signal }: Surroundings,
): Promise<void> {
  const timedOut = AbortSignal.timeout(milliseconds(hook.timeout));
  const either = AbortSignal.any([signal, timedOut]);
  const common = { reject: false, all: true, env: { ...env } } as const;
  const where = hook.on === "host" ? "on the agent's host" : `in container "${container}"`;
  const failed = (how: string) =>
    new Failure(
      "hook-failed",
      `The command ${JSON.stringify(hook.command)} ${which} the backup, ${where}, ${how}`,
    );
  const run = async () => {
    if (hook.on === "host") {
      const [program = "", ...args] = hook.command;
      return execa(program, args, {
        ...common,
        stdin: "ignore",
        cancelSignal: either,
        forceKillAfterDelay: 5000,
      });
    }
    const docker = await dockerFor(dockerHost, signal);
    const found = await findByName(docker, container);
    const target = { docker, container: found?.Id ?? container, env: {}, secretEnv: [] };
    const process = spawnDocker(docker, execArguments(target, shell(script, ...hook.command), hook.user), {
      ...common,
      stdin: "pipe",
    });
    process.stdin.on("error", () => undefined);
    const end = () => {
      process.stdin.end();
      setTimeout(() => process.kill("SIGKILL"), 10_000).unref();
    };
    if (either.aborted) end();
    else either.addEventListener("abort", end, { once: true });
    try {
      return await process;
    } finally {
      either.removeEventListener("abort", end);
    }
  };
  const ended = await run();
  signal.throwIfAborted();
  if (timedOut.aborted && ended.failed) throw failed(`took longer than ${hook.timeout} and was ended.`);
  if (!ended.failed) return;
  const { exitCode, all } = ended;
  const said =
    all.trim() === "" ? "" : `\n${withAddress(all.trim()).split("\n").slice(-lastLines).join("\n")}`;
  throw failed(
    exitCode === undefined
      ? `could not be started: ${ended.shortMessage}`
      : `ended with exit status ${exitCode}.${said}`,
  );
}

/** What a command said last tells most. */
const lastLines = 20;
