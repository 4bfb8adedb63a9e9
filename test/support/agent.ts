/** Agents as a user starts them, each with a configuration of its own. */
import { existsSync } from "node:fs";
import { readdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { execa } from "execa";
import { runnerMain } from "./runner";
import { waitUntil } from "./wait";

/** Due only in years; so a job runs when the agent starts, for the last due time, and then no more. */
export const never = "0 0 1 1 *";

export class TestAgent {
  /** What it logged so far. */
  log = "";
  private readonly child;
  readonly ended: Promise<{ exitCode?: number | undefined; stdout: string; stderr: string }>;

  private constructor(
    readonly file: string,
    env: Record<string, string>,
  ) {
    this.child = execa("node", [runnerMain, "agent", "--config", file], {
      reject: false,
      env,
      stdin: "ignore",
    });
    this.child.stderr.on("data", (chunk: Buffer) => {
      this.log += chunk.toString();
    });
    this.ended = this.child;
  }

  static async start(folder: string, config: object, env: Record<string, string> = {}): Promise<TestAgent> {
    const file = path.join(folder, "agent.yaml");
    await writeFile(file, JSON.stringify(config));
    return new TestAgent(file, env);
  }

  /** Waits until it has logged something, so many times. */
  logged(pattern: RegExp, times = 1): Promise<void> {
    const all = new RegExp(pattern.source, `${pattern.flags}g`);
    return waitUntil(
      `${String(pattern)} in the log`,
      () => (this.log.match(all) ?? []).length >= times,
      90,
    ).catch((error: unknown) => {
      throw new Error(`${(error as Error).message}:\n${this.log}`);
    });
  }

  get pid(): number | undefined {
    return this.child.pid;
  }

  signal(name: NodeJS.Signals): void {
    this.child.kill(name);
  }

  /** The address that it serves. */
  async address(): Promise<string> {
    await this.logged(/http:\/\/\S+/);
    return /http:\/\/[^\s]+[^\s.]/.exec(this.log)?.[0] ?? "";
  }

  async stop(): Promise<number | undefined> {
    this.child.kill("SIGTERM");
    return (await this.ended).exitCode;
  }
}

/** Ids of the complete backups of a name, oldest first. */
export async function backupIds(repository: string, name: string): Promise<string[]> {
  const folder = path.join(repository, name);
  return existsSync(folder) ? (await readdir(folder)).filter((id) => /^\d{8}T\d{6}Z$/.test(id)).sort() : [];
}
