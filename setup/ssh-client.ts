import { installPackages, isDebianRoot } from "./debian";
import { SetupError, succeeds } from "./step";

/** What tests of a daemon that is reached by ssh need on this machine. Their sshd is in a container. */
export async function ensureSshClient(): Promise<void> {
  if ((await succeeds("ssh", ["-V"])) && (await succeeds("sh", ["-c", "command -v ssh-keygen"]))) return;
  if (!isDebianRoot())
    throw new SetupError("ssh is missing. Install it, for example: apt-get install openssh-client");
  await installPackages("openssh-client");
}
