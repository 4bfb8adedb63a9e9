import { spawn } from "node:child_process";
import { openSync } from "node:fs";
import path from "node:path";
import { setTimeout } from "node:timers/promises";
import { execa } from "execa";
import { installPackages, isDebianRoot } from "./debian";
import { cache } from "./paths";
import { step, SetupError, succeeds } from "./step";

/** Makes sure that a Docker engine answers. If none does, and this is root on Debian, installs and starts one. */
export async function ensureEngine(): Promise<void> {
  if (await engineAnswers()) return;
  if (process.env["INSTALL_DOCKER"] === "no") throw noEngine("INSTALL_DOCKER=no forbids installing one.");
  if (process.env["DOCKER_HOST"] !== undefined)
    throw noEngine(`DOCKER_HOST is ${process.env["DOCKER_HOST"]}.`);
  if (!isDebianRoot()) throw noEngine("This set-up can install one only as root on Debian.");
  if (!(await succeeds("dockerd", ["--version"]))) await installPackages("docker.io", "iptables");
  await step("Starting the Docker engine", startEngine);
}

function engineAnswers(): Promise<boolean> {
  return succeeds("docker", ["version", "--format", "{{.Server.Version}}"]);
}

/** Uses systemd if the machine has it, otherwise starts the daemon directly. */
async function startEngine(): Promise<void> {
  if (await answersWithin(2)) return;
  if ((await succeeds("systemctl", ["start", "docker"])) && (await answersWithin(30))) return;
  const log = openSync(path.join(cache, "dockerd.log"), "a");
  spawn("dockerd", [], { detached: true, stdio: ["ignore", log, log] }).unref();
  if (await answersWithin(60)) return;
  throw new SetupError(`The Docker engine does not start. Read ${path.join(cache, "dockerd.log")}.`);
}

async function answersWithin(seconds: number): Promise<boolean> {
  for (let waited = 0; waited < seconds; waited += 0.5) {
    if (await engineAnswers()) return true;
    await setTimeout(500);
  }
  return false;
}

function noEngine(reason: string): SetupError {
  return new SetupError(
    `No Docker engine answers. ${reason}\nStart Docker (or install it as Docker's documentation says for your system), ` +
      `or set DOCKER_HOST to an engine that answers. Then run the same command again.`,
  );
}

/** DOCKER_HOST for the Docker provider, which ignores docker's contexts, so that it uses the same engine as the CLI. */
export async function engineAddress(): Promise<string | undefined> {
  if (process.env["DOCKER_HOST"] !== undefined) return undefined;
  const { stdout } = await execa("docker", ["context", "inspect", "--format", "{{.Endpoints.docker.Host}}"]);
  return stdout === "unix:///var/run/docker.sock" ? undefined : stdout;
}
