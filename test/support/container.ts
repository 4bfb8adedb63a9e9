import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";
import { preparedImage, preparedPassword } from "../../setup/test-images";
import { environment } from "./environment";
import { ownLabel, removeContainer, uniqueName } from "./resources";

/** Runs docker and returns its output and exit code, whatever the code. */
export async function docker(...args: string[]): Promise<{ code: number; output: string }> {
  const { exitCode, all } = await execa("docker", args, { reject: false, all: true });
  return { code: exitCode ?? -1, output: all };
}

/** A database in a container of its own, whose name no other run has. */
export class TestContainer {
  /** Without an image: the one that "make setup" found or made. */
  constructor(
    readonly name = uniqueName(),
    private readonly image?: string,
  ) {}

  /** Starts the container and returns at once; `options` come before the image and `command` after it. */
  async run(options: string[], command: string[] = []): Promise<void> {
    const image = this.image ?? (await environment).image;
    await execa("docker", [
      "run",
      "--detach",
      "--name",
      this.name,
      ...ownLabel,
      ...options,
      image,
      ...command,
    ]);
  }

  /** Waits until the database answers over TCP, which it does only once it is initialised. */
  async ready(timeoutSeconds = 180): Promise<void> {
    const deadline = Date.now() + timeoutSeconds * 1000;
    while (Date.now() < deadline) {
      const { code } = await docker(
        "exec",
        this.name,
        "pg_isready",
        "--quiet",
        "--host=127.0.0.1",
        "--username=postgres",
      );
      if (code === 0) return;
      const { output } = await docker("inspect", "--format={{.State.Running}}", this.name);
      if (output !== "true") break;
      await sleep(50);
    }
    throw new Error(`${this.name} is not ready:\n${await this.logs()}`);
  }

  /** The rows of a query, as the database writes them in JSON. */
  async rows<Row>(query: string, database = "gis"): Promise<Row[]> {
    const { stdout } = await execa("docker", [
      ...["exec", this.name, "psql", "--username=postgres", `--dbname=${database}`],
      ...["--no-psqlrc", "--tuples-only", "--no-align", "--quiet", "--set=ON_ERROR_STOP=1"],
      ...["--command", `SELECT coalesce(json_agg(t), '[]') FROM (${query}) AS t`],
    ]);
    return JSON.parse(stdout) as Row[];
  }

  /** The exit code of a container that ends by itself, within a minute. */
  async exitCode(): Promise<number> {
    return Number((await execa("docker", ["wait", this.name], { timeout: 60_000 })).stdout);
  }

  /** What init scripts wrote, then what the server wrote: between the two streams docker keeps no order. */
  async logs(): Promise<string> {
    const { stdout, stderr } = await execa("docker", ["logs", this.name]);
    return `${stdout}\n${stderr}`;
  }

  async port(): Promise<number> {
    const { output } = await docker("port", this.name, "5432/tcp");
    return Number(output.split(":").at(-1));
  }

  async remove(): Promise<void> {
    await removeContainer(this.name);
  }
}

export interface ServerOptions {
  /** Folder that the container sees as /backups. */
  readonly mount?: string;
  /** Without: the one that "make setup" found or made. */
  readonly image?: string;
  /** Further ones of `docker run`. */
  readonly options?: readonly string[];
  /** It initialises its data itself, as a user's server does, in a volume, and has a system identifier of its own. */
  readonly ownData?: boolean;
}

/** Starts a server, waits for it, and gives the name of its container. Its password is `test`. */
export async function startServer({
  mount,
  image,
  options = [],
  ownData = false,
}: ServerOptions = {}): Promise<string> {
  const base = image ?? (await environment).image;
  const container = new TestContainer(uniqueName(), ownData ? base : await preparedImage(base));
  const volume = mount === undefined ? [] : ["--volume", `${mount}:/backups`];
  await container.run([...volume, ...options, "--env", `POSTGRES_PASSWORD=${preparedPassword}`]);
  await container.ready();
  return container.name;
}
