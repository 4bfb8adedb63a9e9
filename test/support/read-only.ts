import { execa } from "execa";
import { runnerMain } from "./runner";

/** In a mount namespace of its own, where no file of this machine can be written, whoever owns it. */
const readOnly = `set -e
mount --make-rprivate /
mount --bind /tmp /tmp
mount -o remount,bind,ro /tmp
mount -o remount,bind,ro /
for folder in /tmp /var/tmp . "$HOME"; do
  if touch "$folder/x" 2>/dev/null; then echo "$folder can be written" >&2; exit 99; fi
done
exec "$@"`;

/** Runs the compiled command line on a machine that it cannot write to. */
export function runReadOnly(args: readonly string[], env: Record<string, string>) {
  const command = ["--mount", "sh", "-c", readOnly, "sh", "node", runnerMain, ...args];
  return execa("unshare", command, { reject: false, env });
}
