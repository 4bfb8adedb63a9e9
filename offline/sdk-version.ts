import { readFileSync } from "node:fs";

interface Package {
  version: string;
  pulumi?: { version?: string };
}

/** The plugin version that an installed Pulumi SDK needs. */
export function sdkVersion(sdk: string): string {
  const file = require.resolve(`${sdk}/package.json`);
  const { version, pulumi } = JSON.parse(readFileSync(file, "utf8")) as Package;
  return pulumi?.version ?? version;
}
