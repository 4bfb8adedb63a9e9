/** Runs the Makefile's targets after the npm packages are installed. */
import { ExecaError } from "execa";
import { ensureEnvironment } from "./environment";
import { ensureS3Server } from "./s3-server";
import { down, purge, up } from "./stack";
import { SetupError } from "./step";

const targets = { setup: () => Promise.resolve(), "setup-tests": ensureS3Server, up, down, purge };

async function main(target: string | undefined): Promise<void> {
  const run = targets[target as keyof typeof targets] as (typeof targets)["up"] | undefined;
  if (run === undefined) throw new SetupError(`usage: main.ts ${Object.keys(targets).join("|")}`);
  await run(await ensureEnvironment());
}

main(process.argv[2]).catch((error: unknown) => {
  const expected = error instanceof SetupError || error instanceof ExecaError;
  console.error(`error: ${expected ? error.message : String(error instanceof Error ? error.stack : error)}`);
  process.exitCode = 1;
});
