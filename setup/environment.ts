import { mkdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { ensureBackend } from "./backend";
import { ensurePulumi } from "./cli";
import { engineAddress, ensureEngine } from "./engine";
import { ensureImage } from "./image";
import { builtPulumi, cache } from "./paths";
import { ensurePlugins } from "./plugins";

/** What the set-up found or created. Tests read it too. */
export interface Environment {
  /** The Pulumi CLI to run. */
  readonly pulumi: string;
  /** Variables for the CLI and its child processes. */
  readonly env: Record<string, string>;
  /** Name of the default image on this machine. */
  readonly image: string;
}

const environmentFile = path.join(cache, "environment.json");

/** Installs everything that `up` and `test` need on this machine. It is quick if all is there already. */
export async function ensureEnvironment(): Promise<Environment> {
  await mkdir(cache, { recursive: true });
  await leaveShell();
  await ensureEngine();
  const cli = await ensurePulumi();
  const plugins = await ensurePlugins(cli);
  const address = await engineAddress();
  const backend = await ensureBackend(cli.pulumi, "PULUMI_HOME" in plugins);
  const image = await ensureImage();
  const environment: Environment = {
    pulumi: cli.pulumi,
    env: {
      ...backend,
      ...plugins,
      ...(address === undefined ? {} : { DOCKER_HOST: address }),
      PULUMI_SKIP_UPDATE_CHECK: "true",
      // "make test" checks the types, so a deployment does not have to.
      PULUMI_NODEJS_TRANSPILE_ONLY: "true",
    },
    image,
  };
  await writeFile(environmentFile, `${JSON.stringify(environment, null, 2)}\n`, { mode: 0o600 });
  return environment;
}

/** What "make shell" has set is not the user's own: without this, the set-up would take it for an installation on this machine. */
async function leaveShell(): Promise<void> {
  const last = await readEnvironment().catch(() => undefined);
  if (last === undefined) return;
  for (const [name, value] of Object.entries(last.env))
    if (process.env[name] === value) Reflect.deleteProperty(process.env, name);
  const folders = (process.env["PATH"] ?? "").split(path.delimiter);
  process.env["PATH"] = folders.filter((folder) => folder !== path.dirname(builtPulumi)).join(path.delimiter);
}

export async function readEnvironment(): Promise<Environment> {
  return JSON.parse(await readFile(environmentFile, "utf8")) as Environment;
}
