import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { execa } from "execa";
import { localState, passphraseFile } from "./paths";

/**
 * Where the stack's state is kept: the backend that the user is logged in to, else a folder of this checkout with a
 * generated passphrase.
 */
export async function ensureBackend(pulumi: string): Promise<Record<string, string>> {
  if (process.env["PULUMI_BACKEND_URL"] !== undefined) return {};
  const loggedIn = await execa(pulumi, ["whoami", "--json", "--non-interactive"], {
    reject: false,
    timeout: 30_000,
  });
  if (!loggedIn.failed) {
    const { url } = JSON.parse(loggedIn.stdout) as { url: string };
    return { PULUMI_BACKEND_URL: url };
  }
  await mkdir(localState, { recursive: true, mode: 0o700 });
  if (!existsSync(passphraseFile)) {
    await writeFile(passphraseFile, randomBytes(24).toString("base64url"), { mode: 0o600, flag: "wx" });
  }
  return { PULUMI_BACKEND_URL: `file://${localState}`, PULUMI_CONFIG_PASSPHRASE_FILE: passphraseFile };
}
