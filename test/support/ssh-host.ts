/** A host that is reached by ssh: an sshd with default settings in a container that has the machine's own Docker socket. */
import { chmod, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { execa } from "execa";
import { agentImage } from "../../setup/agent-image";
import { docker } from "./container";
import { freePort, ownLabel, removeContainer, removeFolder, temporaryFolder, uniqueName } from "./resources";
import { waitUntil } from "./wait";

const sshdImage = "postgis-backup-test/sshd";
const socket = "/var/run/docker.sock";

interface Options {
  /** Further ones of sshd, such as `AllowStreamLocalForwarding=no`. */
  readonly sshd?: readonly string[];
  /** Where the host has the daemon's socket. */
  readonly sockets?: readonly string[];
}

export class SshHost {
  private constructor(
    readonly name: string,
    private readonly port: number,
    private readonly folder: string,
  ) {}

  static async start({ sshd = [], sockets = [socket] }: Options = {}): Promise<SshHost> {
    const context = path.join(__dirname, "sshd");
    await execa("docker", [
      "build",
      "--quiet",
      "--build-arg",
      `BASE=${agentImage}`,
      "--tag",
      sshdImage,
      context,
    ]);
    const folder = await temporaryFolder();
    const host = new SshHost(uniqueName(), await freePort(), folder);
    const key = path.join(host.keys, "id_ed25519");
    await mkdir(host.keys);
    await execa("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", key]);
    await execa("docker", [
      ...[
        "run",
        "--detach",
        "--init",
        "--name",
        host.name,
        ...ownLabel,
        "--publish",
        `127.0.0.1:${host.port}:22`,
      ],
      ...sockets.flatMap((place) => ["--volume", `${socket}:${place}`]),
      sshdImage,
      await readFile(`${key}.pub`, "utf8"),
      ...sshd.flatMap((option) => ["-o", option]),
    ]);
    await waitUntil("sshd listens", async () => (await host.log()).includes("Server listening"));
    await host.trust(key);
    return host;
  }

  get url(): string {
    return `ssh://root@127.0.0.1:${this.port}`;
  }

  /** What a user's folder `.ssh` has. */
  get keys(): string {
    return path.join(this.folder, "keys");
  }

  /** For the runner: an `ssh` that knows the host, the daemon's address, and a folder for temporary files of its own. */
  get env(): Record<string, string> {
    return {
      PATH: `${path.join(this.folder, "bin")}:${process.env["PATH"] ?? ""}`,
      TMPDIR: path.join(this.folder, "tmp"),
      DOCKER_HOST: this.url,
    };
  }

  async log(): Promise<string> {
    return (await docker("logs", this.name)).output;
  }

  /** How many connections have got in so far. */
  async accepted(): Promise<number> {
    return (await this.log()).match(/^Accepted publickey/gm)?.length ?? 0;
  }

  /** The ssh processes and temporary files of runs. */
  async remains(): Promise<string[]> {
    const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
    const commands = await Promise.all(
      pids.map((pid) => readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")),
    );
    const temporary = await readdir(path.join(this.folder, "tmp"));
    return [...commands.filter((command) => command.includes(this.folder)), ...temporary];
  }

  async restart(): Promise<void> {
    await execa("docker", ["restart", "--time", "0", this.name]);
  }

  async kill(): Promise<void> {
    await execa("docker", ["kill", this.name]);
  }

  async remove(): Promise<void> {
    await removeContainer(this.name);
    await removeFolder(this.folder);
  }

  /** ssh takes the home folder from the system, not from HOME: options are the only way to other keys. */
  private async trust(key: string): Promise<void> {
    const file = (name: string) => path.join(this.folder, name);
    const { output } = await docker("exec", this.name, "cat", "/host_key.pub");
    const known = path.join(this.keys, "known_hosts");
    await writeFile(known, `[127.0.0.1]:${this.port} ${output}\n`);
    const settings = {
      IdentityFile: key,
      IdentitiesOnly: "yes",
      StrictHostKeyChecking: "yes",
      UserKnownHostsFile: known,
    };
    await writeFile(
      file("config"),
      Object.entries(settings)
        .map(([name, value]) => `${name} ${value}\n`)
        .join(""),
    );
    const { stdout: real } = await execa("sh", ["-c", "command -v ssh"]);
    await mkdir(file("bin"));
    await mkdir(file("tmp"));
    await writeFile(file("bin/ssh"), `#!/bin/sh\nexec ${real} -F ${file("config")} "$@"\n`);
    await chmod(file("bin/ssh"), 0o755);
  }
}
