import { offlineEnvironment } from "../offline/environment";
import { installOffline, providers } from "../offline/install";
import { sdkVersion } from "../offline/sdk-version";
import { cache } from "./paths";
import { succeeds } from "./succeeds";

/** Variables by which the CLI finds the plugins: none for the official ones, which are in the user's PULUMI_HOME. */
export async function ensurePlugins(cli: {
  readonly pulumi: string;
  readonly built: boolean;
}): Promise<Record<string, string>> {
  // A CLI that was built here comes without the language host of the official release.
  if (!cli.built && (await installOfficial(cli.pulumi))) return {};
  await installOffline({
    cacheDir: cache,
    pulumi: cli.pulumi,
    log: (line) => {
      console.error(`• ${line}`);
    },
  });
  return offlineEnvironment(cache);
}

async function installOfficial(pulumi: string): Promise<boolean> {
  for (const name of providers) {
    const args = ["plugin", "install", "resource", name, sdkVersion(`@pulumi/${name}`)];
    if (!(await succeeds(pulumi, args, { timeout: 300_000 }))) return false;
  }
  return true;
}
