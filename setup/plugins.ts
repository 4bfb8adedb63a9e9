import { offlineEnvironment } from "../offline/environment";
import { installOffline, providers } from "../offline/install";
import { sdkVersion } from "../offline/sdk-version";
import { cache } from "./paths";
import { succeeds } from "./step";

/** Installs the plugins. Returns the variables that the CLI needs to find them: none for official plugins. */
export async function ensurePlugins(cli: {
  readonly pulumi: string;
  readonly built: boolean;
}): Promise<Record<string, string>> {
  // A CLI that was built here lacks the language host of the official release.
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
