import { join } from "node:path";

/** Variables for the Pulumi CLI on a machine that cannot download plugins. */
export function offlineEnvironment(cacheDir: string): Record<string, string> {
  return {
    PULUMI_HOME: join(cacheDir, "pulumi-home"),
    PULUMI_SKIP_UPDATE_CHECK: "true",
    // Without this, each run first tries to download the plugins of all installed SDKs, even unused ones.
    PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
  };
}
