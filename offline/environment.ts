import { join } from "node:path";

/** What the Pulumi CLI needs to know on a machine that cannot download plugins. */
export function offlineEnvironment(cacheDir: string): Record<string, string> {
  return {
    PULUMI_HOME: join(cacheDir, "pulumi-home"),
    PULUMI_SKIP_UPDATE_CHECK: "true",
    // Else each run first tries to download the plugins of every SDK that is installed but not used.
    PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
  };
}
