import { existsSync } from "node:fs";
import { execa } from "execa";
import { step } from "./step";

/** Whether this process can install Debian packages. */
export function isDebianRoot(): boolean {
  return process.getuid?.() === 0 && existsSync("/usr/bin/apt-get");
}

export async function installPackages(...packages: string[]): Promise<void> {
  await step(`Installing Debian packages ${packages.join(", ")}`, async () => {
    const env = { DEBIAN_FRONTEND: "noninteractive" };
    await execa("apt-get", ["update", "-qq"], { env });
    await execa("apt-get", ["install", "-qq", "--no-install-recommends", ...packages], { env });
  });
}
