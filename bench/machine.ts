/** On what, and with what, the figures were measured. */
import { readFile } from "node:fs/promises";
import os from "node:os";
import { execa } from "execa";
import { root } from "../setup/paths";
import { environment } from "../test/support/environment";
import { sql } from "../test/support/resources";
import { database, type Scene } from "./scene";

export interface Machine {
  readonly date: string;
  /** Of the checkout; "changed" where files differ from it. */
  readonly commit: string;
  readonly processor: string;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly system: string;
  /** Processes that wanted to run before the bench began; more than a fraction spoils the figures. */
  readonly loadBefore: number;
  readonly docker: string;
  readonly image: string;
  readonly server: string;
  readonly node: string;
  readonly pulumi: string;
}

export async function describeMachine({ container }: Scene, loadBefore: number): Promise<Machine> {
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

/** Some virtual machines have a family and a model where others have a name. */
async function processor(): Promise<string> {
  const [first] = os.cpus();
  const facts = await readFile("/proc/cpuinfo", "utf8").catch(() => "");
  const model = /^model\t+: (\d+)$/m.exec(facts)?.[1];
  return `${first?.model.trim() ?? "unknown"}${model === undefined ? "" : `, model ${model}`}`;
}
