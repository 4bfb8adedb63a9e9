import { spawn } from "node:child_process";
import { text } from "node:stream/consumers";
import * as pulumi from "@pulumi/pulumi";
import type { BackupRequestInput } from "../../runner/request";
import { runnerFile } from "../shared/runner-command";

/** Time limit: a preview must end even if the container hangs. */
const timeoutMilliseconds = 20_000;

/** Errors that are normal in the first preview of a new container. */
const notYetThere = /^error\[container-not-(found|running)\]/;

/** In a preview, warns of problems that would fail the backup. */
export function warnInPreview(
  request: pulumi.Output<BackupRequestInput>,
  password: pulumi.Output<string> | undefined,
  resource: pulumi.Resource,
): void {
  if (!pulumi.runtime.isDryRun()) return;
  pulumi.all([request, password]).apply(async ([known, secret]) => {
    const problems = await check({ ...known, dryRun: true }, secret);
    if (problems === "") return;
    if (notYetThere.test(problems))
      await pulumi.log.info(`The backup is not checked yet. ${problems}`, resource);
    else await pulumi.log.warn(`The backup would fail as things are now.\n${problems}`, resource);
  });
}

/** The runner's errors; empty when there are none. */
async function check(request: BackupRequestInput, password: string | undefined): Promise<string> {
  const runner = spawn(process.execPath, [runnerFile(), "backup", "--request", "-"], {
    stdio: ["pipe", "ignore", "pipe"],
    env: { ...process.env, ...(password === undefined ? {} : { PGPASSWORD: password }) },
    timeout: timeoutMilliseconds,
  });
  runner.stdin.on("error", () => undefined);
  runner.stdin.end(JSON.stringify(request));
  const said = await text(runner.stderr);
  return said.slice(Math.max(0, said.search(/^error/m))).trim();
}
