import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { execa } from "execa";
import { localState, passphraseFile } from "./paths";

/**
 * Variables that select the backend for the stack's state: the backend that the user is logged in to, otherwise a
 * folder of this checkout with a generated passphrase. Stand-ins use their own PULUMI_HOME (`ownHome`), which does not
 * know the user's login, so they get its URL.
 */
export async function ensureBackend(pulumi: string, ownHome: boolean): Promise<Record<string, string>> {
  if (process.env["PULUMI_BACKEND_URL"] !== undefined) return {};
  const url = await loggedInTo(pulumi);
  if (url !== undefined) return ownHome ? { PULUMI_BACKEND_URL: url } : {};
  await mkdir(localState, { recursive: true, mode: 0o700 });
  if (!existsSync(passphraseFile)) {
    await writeFile(passphraseFile, randomBytes(24).toString("base64url"), { mode: 0o600, flag: "wx" });
  }
  return { PULUMI_BACKEND_URL: `file://${localState}`, PULUMI_CONFIG_PASSPHRASE_FILE: passphraseFile };
}

async function loggedInTo(pulumi: string): Promise<string | undefined> {
  const args = ["whoami", "--json", "--non-interactive"];
  const { failed, stdout } = await execa(pulumi, args, { reject: false, timeout: 30_000 });
  return failed ? undefined : (JSON.parse(stdout) as { url: string }).url;
}
