/** The machine and the program versions that the figures were measured with. */
import { readFile } from "node:fs/promises";
import os from "node:os";
import { execa } from "execa";
import { root } from "../setup/paths";
import { environment } from "../test/support/environment";
import { sql } from "../test/support/resources";
import { database, type Fixture } from "./fixture";

export interface Machine {
  readonly date: string;
  /** Commit of the checkout, with "changed" if files differ from it. */
  readonly commit: string;
  readonly processor: string;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly system: string;
  /** Load average before the bench began. Above 0.5 the figures are wrong. */
  readonly loadBefore: number;
  readonly docker: string;
  readonly image: string;
  readonly server: string;
  readonly node: string;
  readonly pulumi: string;
}

/** What the report says where the load was higher. */
export const notIdle = " **(not idle: other programs ran too, so these figures are wrong)**";

export async function describeMachine({ container }: Fixture, loadBefore: number): Promise<Machine> {
  const { image, pulumi, env } = await environment;
  const output = async (file: string, args: readonly string[]) =>
    (await execa(file, args, { cwd: root, env })).stdout.trim();
  const dockerFormat = "{{.ServerVersion}}, {{.Driver}}, cgroup v{{.CgroupVersion}}";
  const changes = await output("git", ["status", "--porcelain", "--untracked-files=no"]);
  return {
    date: new Date().toISOString().slice(0, 16).replace("T", " ") + " UTC",
    commit: `${await output("git", ["rev-parse", "--short", "HEAD"])}${changes === "" ? "" : ", changed"}`,
    processor: await processor(),
    cores: os.availableParallelism(),
    memoryBytes: os.totalmem(),
    system: `${os.type()} ${os.release()}, ${os.arch()}`,
    loadBefore,
    docker: await output("docker", ["info", "--format", dockerFormat]),
    image,
    server: await sql(
      container,
      "SELECT 'PostgreSQL ' || current_setting('server_version') || ', PostGIS ' || postgis_lib_version()",
      database,
    ),
    node: process.version,
    pulumi: await output(pulumi, ["version"]),
  };
}

/** On some virtual machines the name alone is vague, so the model number is added. */
async function processor(): Promise<string> {
  const [first] = os.cpus();
  const cpuinfo = await readFile("/proc/cpuinfo", "utf8").catch(() => "");
  const model = /^model\t+: (\d+)$/m.exec(cpuinfo)?.[1];
  return `${first?.model.trim() ?? "unknown"}${model === undefined ? "" : `, model ${model}`}`;
}
