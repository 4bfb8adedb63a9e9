/** Runs the Makefile's targets after the npm packages are installed. */
import { ExecaError } from "execa";
import { ensureAgentImage } from "./agent-image";
import { ensureChromium } from "./chromium";
import { ensureEnvironment } from "./environment";
import { ensureLanguages } from "./languages";
import { ensureNodeVersions } from "./node";
import { ensureS3Server } from "./s3-server";
import { ensureShellcheck } from "./shellcheck";
import { shell } from "./shell";
import { ensureSshClient } from "./ssh-client";
import { down, ensureStack, purge, up } from "./stack";
import { ensureTestImages } from "./test-images";
import { SetupError } from "./step";

const targets: Readonly<Record<string, () => Promise<unknown>>> = {
  setup: ensureEnvironment,
  "setup-tests": async () => {
    const { image, pulumi } = await ensureEnvironment();
    await ensureChromium();
    await ensureSshClient();
    await Promise.all([
      ensureS3Server(),
      ensureLanguages(pulumi),
      ensureTestImages(image),
      ensureNodeVersions(),
      ensureAgentImage(image),
    ]);
  },
  "setup-lint": ensureShellcheck,
  up: async () => up(await ensureEnvironment()),
  shell: async () => {
    const environment = await ensureEnvironment();
    await ensureStack(environment);
    await shell(environment);
  },
  down: async () => down(await ensureEnvironment()),
  purge: async () => purge(await ensureEnvironment()),
};

async function main(target: string): Promise<void> {
  const run = targets[target];
  if (run === undefined) throw new SetupError(`usage: main.ts ${Object.keys(targets).join("|")}`);
  await run();
}

main(process.argv[2] ?? "").catch((error: unknown) => {
  const expected = error instanceof SetupError || error instanceof ExecaError;
  console.error(`error: ${expected ? error.message : String(error instanceof Error ? error.stack : error)}`);
  process.exitCode = 1;
});
