/** Names, ports, folders and containers that belong to one test run and go with it. */
import { randomBytes, randomInt } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import { execa } from "execa";
import { isAlive, mountsBelow } from "./processes";

/** Carries the process id of the run, so that a later run finds what a killed one left. */
export const testLabel = "postgis-backup.test";

const diskPrefix = "pgb-test-disk-";

/** Options of docker that mark a container or volume as this run's. */
export const ownLabel = ["--label", `${testLabel}=${process.pid}`];

export function uniqueName(): string {
  return `pgb-test-${randomBytes(4).toString("hex")}`;
}

export async function freePort(): Promise<number> {
  // The kernel gives those from 32768 on to connections, so that one that is free now may not be in a moment.
  const port = randomInt(10_000, 32_000);
  const server = net.createServer().listen(port, "127.0.0.1");
  try {
    await once(server, "listening");
  } catch {
    return freePort();
  }
  server.close();
  await once(server, "close");
  return port;
}

export async function temporaryFolder(): Promise<string> {
  return mkdtemp(path.join(os.tmpdir(), "pgb-test-"));
}

export async function removeFolder(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true });
}

export async function removeContainer(name: string): Promise<void> {
  await execa("docker", ["rm", "--force", "--volumes", name], { reject: false });
}

export async function removeVolume(name: string): Promise<void> {
  await execa("docker", ["volume", "rm", "--force", name], { reject: false });
}

/** Runs SQL with psql in the container; the rows as they are printed, bare. */
export async function sql(container: string, text: string, database = "postgres"): Promise<string> {
  const psql = [
    "psql",
    "-X",
    "-q",
    "-A",
    "-t",
    "-v",
    "ON_ERROR_STOP=1",
    "-h",
    "127.0.0.1",
    "-U",
    "postgres",
    "-d",
    database,
  ];
  const { stdout } = await execa("docker", ["exec", "-i", container, ...psql], { input: text });
  return stdout.trim();
}

export async function removeNetwork(name: string): Promise<void> {
  await execa("docker", ["network", "rm", name], { reject: false });
}

const removals = { container: removeContainer, volume: removeVolume, network: removeNetwork } as const;

/** Containers, volumes, networks, images and disks of runs whose process is gone. */
export async function removeLeftovers(): Promise<void> {
  for (const disk of await mountsBelow(path.join(os.tmpdir(), diskPrefix))) {
    const [pid] = path.basename(disk).slice(diskPrefix.length).split("-");
    if (!isAlive(Number(pid))) await removeDisk(disk);
  }
  for (const kind of ["container", "volume", "network"] as const) {
    const list = [kind, "ls", ...(kind === "container" ? ["--all"] : []), "--filter", `label=${testLabel}`];
    const format = ["--format", `{{.${kind === "container" ? "ID" : "Name"}}} {{.Label "${testLabel}"}}`];
    const { stdout } = await execa("docker", [...list, ...format]);
    for (const line of stdout.split("\n").filter((text) => text !== "")) {
      const [id = "", pid = ""] = line.split(" ");
      if (isAlive(Number(pid))) continue;
      await removals[kind](id);
    }
  }
  await removeImages();
}

/** Images that were made of a run's containers, and have their label. */
async function removeImages(): Promise<void> {
  const { stdout: ids } = await execa("docker", ["image", "ls", "--quiet", "--filter", `label=${testLabel}`]);
  for (const id of new Set(ids.split("\n").filter((text) => text !== ""))) {
    const format = ["--format", `{{index .Config.Labels "${testLabel}"}}`];
    const { stdout: pid } = await execa("docker", ["image", "inspect", ...format, id], { reject: false });
    if (!isAlive(Number(pid))) await execa("docker", ["image", "rm", "--force", id], { reject: false });
  }
}

/** A disk of its own, so that it can be full; its path tells whose it is, for a later run to unmount it. */
export async function mountDisk(megabytes: number): Promise<string> {
  const folder = await mkdtemp(path.join(os.tmpdir(), `${diskPrefix}${process.pid}-`));
  await execa("mount", ["-t", "tmpfs", "-o", `size=${megabytes}m`, "tmpfs", folder]);
  return folder;
}

export async function removeDisk(folder: string): Promise<void> {
  await execa("umount", [folder]);
  await rm(folder, { recursive: true });
}
