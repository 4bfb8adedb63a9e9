/** What a preview finds out about the real world: the runner looks for what would fail, and changes nothing. */
import { spawn } from "node:child_process";
import { text } from "node:stream/consumers";
import * as pulumi from "@pulumi/pulumi";
import { runnerFile } from "./runner-command";

/** Time limit: a preview must end even if the container hangs. */
const timeoutMilliseconds = 20_000;

interface Look {
  /** The verb and its options. */
  readonly verb: readonly string[];
  /** Says that nothing is to be done. */
  readonly request: object & { readonly dryRun: true };
  readonly environment: Readonly<Record<string, string>>;
}

/** The runner's errors; empty when there are none. */
export async function problemsOf({ verb, request, environment }: Look): Promise<string> {
  const runner = spawn(process.execPath, [runnerFile(), ...verb, "--request", "-"], {
    stdio: ["pipe", "ignore", "pipe"],
    env: { ...process.env, ...environment },
    timeout: timeoutMilliseconds,
  });
  runner.stdin.on("error", () => undefined);
  runner.stdin.end(JSON.stringify(request));
  const said = await text(runner.stderr);
  return said.slice(Math.max(0, said.search(/^error/m))).trim();
}

/** Whether a resource of the program has to exist before a value does. A preview cannot look at what is not created yet. */
export async function needsResources(value: pulumi.Input<unknown>): Promise<boolean> {
  const output = pulumi.output(value) as unknown as { allResources(): Promise<ReadonlySet<unknown>> };
  return (await output.allResources()).size > 0;
}
