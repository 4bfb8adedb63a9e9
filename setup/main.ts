/** What the Makefile's targets do once the npm packages are installed. */
import { ExecaError } from "execa";
import { ensureEnvironment, type Environment } from "./environment";
import { ensureS3Server } from "./s3-server";
import { down, purge, up } from "./stack";
import { ensureTestImages } from "./test-images";
import { SetupError } from "./step";

const targets = { setup: () => Promise.resolve(), "setup-tests": setUpTests, up, down, purge };

async function setUpTests({ image }: Environment): Promise<void> {
  await Promise.all([ensureS3Server(), ensureTestImages(image)]);
}

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
