import { readFileSync } from "node:fs";
import path from "node:path";
import { execa } from "execa";
import { installOffline } from "../offline/install";
import { cache, offlineHome, root } from "./paths";
import { step } from "./step";

/** SDKs whose providers the stack uses; each names the version that it asks for. */
const providers = ["command", "docker"];

function sdkVersion(name: string): string {
  const file = path.join(root, "node_modules", "@pulumi", name, "package.json");
  const { pulumi } = JSON.parse(readFileSync(file, "utf8")) as { pulumi: { version: string } };
  return pulumi.version;
}

/** PULUMI_HOME that has the plugins: the user's own with the official ones, else one with the stand-ins. */
export async function ensurePlugins(cli: {
  readonly pulumi: string;
  readonly built: boolean;
}): Promise<string | undefined> {
  // A CLI that was built here comes without the language host of the official release.
  if (!cli.built && (await installOfficial(cli.pulumi))) return undefined;
  await step("Installing the stand-ins for the official Pulumi plugins, which cannot be had here", () =>
    installOffline({
      cacheDir: cache,
      pulumi: cli.pulumi,
      log: (line: string) => {
        console.error(`  ${line}`);
      },
    }),
  );
  return offlineHome;
}

async function installOfficial(pulumi: string): Promise<boolean> {
  for (const name of providers) {
    const args = ["plugin", "install", "resource", name, sdkVersion(name)];
    if ((await execa(pulumi, args, { reject: false, timeout: 300_000 })).failed) return false;
  }
  return true;
}
