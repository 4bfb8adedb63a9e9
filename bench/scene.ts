import { once } from "node:events";
import { mkdir, readdir, realpath, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { serverCommand } from "../components/postgis-container/server-settings";
import { cache, root } from "../setup/paths";
import { TestContainer } from "../test/support/container";
import { isAlive } from "../test/support/processes";
import { removeLeftovers, sql } from "../test/support/resources";
import { containerGroup } from "./container-usage";
import type { ControlGroup } from "./control-group";
import { type Command, inside } from "./way";

/** Of the sample tables. */
export const database = "gis";

export const sampleTables = [
  "dias_catalogue",
  "aois",
  "parcels_2020",
  "roi2020_S2_signatures",
  "roi2020_S2_hists",
] as const;

/** Where the work folder is in the database's container. */
const mounted = "/backups";

/** A server with the sample tables, and a second container beside it, as backup images are run. */
export interface Scene {
  readonly container: string;
  /** Of the database's container. */
  readonly group: ControlGroup;
  /** Shares the network of the database's container, and sees the work folder. */
  readonly sidecar: string;
  /** Folder of this machine, mounted into both. */
  readonly folder: string;
  /** Workers of programs that take any number, as many as the runner takes. */
  readonly jobs: number;
  readonly signal: AbortSignal;
}

/** Of each running bench, a folder that is named by its process. */
const workFolders = path.join(cache, "bench");

/** Makes the scene, lets it be used, and removes it whatever happened. */
export async function withScene<T>(
  rows: number,
  signal: AbortSignal,
  use: (scene: Scene) => Promise<T>,
): Promise<T> {
  await removeDead();
  await mkdir(path.join(workFolders, String(process.pid)), { recursive: true });
  const folder = await realpath(path.join(workFolders, String(process.pid)));
  const server = new TestContainer();
  const sidecar = new TestContainer();
  try {
    await startServer(server, folder, rows, signal);
    const mount = ["--volume", `${folder}:${mounted}`, "--network", `container:${server.name}`];
    await sidecar.run([...mount, "--entrypoint", "sleep"], ["infinity"]);
    const jobs = Math.min(os.availableParallelism(), 4);
    const group = await containerGroup(server.name);
    return await use({ container: server.name, group, sidecar: sidecar.name, folder, jobs, signal });
  } finally {
    await sidecar.remove();
    await server.remove();
    await rm(folder, { recursive: true, force: true });
  }
}

async function startServer(
  server: TestContainer,
  folder: string,
  rows: number,
  signal: AbortSignal,
): Promise<void> {
  const init = path.join(root, "examples", "cbm", "init");
  await server.run(
    [
      ...["--volume", `${folder}:${mounted}`, "--volume", `${init}:/docker-entrypoint-initdb.d:ro`],
      ...["--env", "POSTGRES_PASSWORD=bench", "--env", `POSTGRES_DB=${database}`],
      ...["--env", `CBM_SIGNATURE_ROWS=${rows}`, "--shm-size", "1g"],
    ],
    // A vacuum that starts by itself would be measured with whatever runs then.
    serverCommand({ autovacuum: "off" }),
  );
  const ready = server.ready(600 + rows / 10_000);
  ready.catch(() => undefined);
  await Promise.race([ready, rejectsOn(signal)]);
}

function rejectsOn(signal: AbortSignal): Promise<never> {
  const rejecting = once(signal, "abort").then(() => Promise.reject(signal.reason as Error));
  rejecting.catch(() => undefined);
  return rejecting;
}

/** Containers and folders of earlier runs that were killed. */
async function removeDead(): Promise<void> {
  await removeLeftovers();
  const folders = await readdir(workFolders).catch(() => []);
  const dead = folders.filter((name) => !isAlive(Number(name)));
  await Promise.all(dead.map((name) => rm(path.join(workFolders, name), { recursive: true, force: true })));
}

/** The path of a file of the work folder as both containers see it. */
export function pathInside({ folder }: Scene, file: string): string {
  return path.posix.join(mounted, path.relative(folder, file));
}

/** A program in the database's container that writes to the work folder: as the caller, who can remove what it wrote. */
export function insideAsCaller(scene: Scene, command: readonly string[]): Command {
  const user = `${process.getuid?.() ?? 0}:${process.getgid?.() ?? 0}`;
  return inside(scene.container, command, ["--user", user]);
}

/** Makes an empty database, with the extension that the sample tables need. */
export async function createDatabase({ container }: Scene, name: string): Promise<void> {
  await sql(container, `CREATE DATABASE ${name} TEMPLATE template0`);
  await sql(container, "CREATE EXTENSION postgis", name);
}

export async function dropDatabase({ container }: Scene, name: string): Promise<void> {
  await sql(container, `DROP DATABASE IF EXISTS ${name} (FORCE)`);
}
