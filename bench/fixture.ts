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
import { type Command, inside } from "./contender";

/** The database with the sample tables. */
export const database = "gis";

export const sampleTables = [
  "dias_catalogue",
  "aois",
  "parcel_set",
  "roi2020_S2_signatures",
  "roi2020_S2_hists",
] as const;

/** Path of the work folder in both containers. */
const mounted = "/backups";

/** A server with the sample tables, and a second container beside it, which plays the part of a backup image. */
export interface Fixture {
  readonly container: string;
  /** Control group of the database's container. */
  readonly group: ControlGroup;
  /** The second container. It shares the network of the database's container and has the work folder mounted. */
  readonly sidecar: string;
  /** Work folder on this machine, mounted into both containers. */
  readonly folder: string;
  /** Number of workers, the same for all programs that let us choose: the runner's default. */
  readonly jobs: number;
  readonly signal: AbortSignal;
}

/** Each running bench has a folder here, named by its process id. */
const workFolders = path.join(cache, "bench");

/** Creates the fixture, runs `use`, and always removes the fixture. */
export async function withFixture<T>(
  rows: number,
  signal: AbortSignal,
  use: (fixture: Fixture) => Promise<T>,
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
    // An automatic vacuum would falsify the measurement that it runs into.
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

/** Removes containers and folders of earlier runs that were killed. */
async function removeDead(): Promise<void> {
  await removeLeftovers();
  const folders = await readdir(workFolders).catch(() => []);
  const dead = folders.filter((name) => !isAlive(Number(name)));
  await Promise.all(dead.map((name) => rm(path.join(workFolders, name), { recursive: true, force: true })));
}

/** The path of a file of the work folder in both containers. */
export function pathInside({ folder }: Fixture, file: string): string {
  return path.posix.join(mounted, path.relative(folder, file));
}

/** Runs a program in the database's container as the caller's user, who can then remove the files that it wrote. */
export function insideAsCaller(fixture: Fixture, command: readonly string[]): Command {
  const user = `${process.getuid?.() ?? 0}:${process.getgid?.() ?? 0}`;
  return inside(fixture.container, command, ["--user", user]);
}

/** Creates an empty database with PostGIS, which the sample tables need. */
export async function createDatabase({ container }: Fixture, name: string): Promise<void> {
  await sql(container, `CREATE DATABASE ${name} TEMPLATE template0`);
  await sql(container, "CREATE EXTENSION postgis", name);
}

export async function dropDatabase({ container }: Fixture, name: string): Promise<void> {
  await sql(container, `DROP DATABASE IF EXISTS ${name} (FORCE)`);
}
