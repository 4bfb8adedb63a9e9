import { installPackages, isDebianRoot } from "./debian";
import { SetupError, succeeds } from "./step";

/** The program that checks the shell scripts of the runner. */
export async function ensureShellcheck(): Promise<void> {
  if (await succeeds("shellcheck", ["--version"])) return;
  if (!isDebianRoot())
    throw new SetupError("shellcheck is missing. Install it, for example: apt-get install shellcheck");
  await installPackages("shellcheck");
}
