/**
 * What Docker keeps for a migration: records and a lock. A record is the labels of an empty volume, which never change once the
 * volume exists, and which only users of Docker can write. Users of the database could forge a setting or a file there, and so
 * decide what is destroyed or not copied.
 */
import { createHash } from "node:crypto";
import { ExecaError } from "execa";
import * as z from "zod";
import { type Docker, dockerFailure, dockerOutput, spawnDocker } from "../docker/docker";
import { Failure } from "../lib/failure";
import { type NewServer, dataOf } from "./servers";
import { type Throwaway, startThrowaway } from "../docker/throwaway";
import { setTimeout } from "node:timers/promises";

/**
 * `loading`: tables of the new server are copies by a migration that has not ended. `switching`: the port is moving to the new
 * server. `migrated`: the new server has the data.
 */
type RecordKind = "loading" | "switching" | "migrated";

const labelOf = {
  kind: "postgis-backup.migration",
  data: "postgis-backup.new-data",
  content: "postgis-backup.record",
};

/** Name of what Docker keeps for the new server with this data: the volume of a record, or the container that is the lock. */
export function dockerName(kind: RecordKind | "migration", data: string): string {
  return `postgis-backup-${kind}-${createHash("sha256").update(data).digest("hex").slice(0, 16)}`;
}

const Volumes = z.array(z.object({ Labels: z.record(z.string(), z.string()).nullable() }));

export async function readDockerRecord<T>(
  docker: Docker,
  kind: RecordKind,
  data: string,
  content: z.ZodType<T>,
): Promise<T | undefined> {
  const labels = await labelsOf(docker, dockerName(kind, data));
  if (labels?.[labelOf.kind] !== kind || labels[labelOf.data] !== data) return undefined;
  return content.parse(JSON.parse(labels[labelOf.content] ?? "null"));
}

/** Replaces an earlier record of this kind. */
export async function writeDockerRecord(
  docker: Docker,
  kind: RecordKind,
  data: string,
  content: unknown,
): Promise<void> {
  await removeDockerRecord(docker, kind, data);
  const volume = dockerName(kind, data);
  const labels = { [labelOf.kind]: kind, [labelOf.data]: data, [labelOf.content]: JSON.stringify(content) };
  const options = Object.entries(labels).flatMap(([label, value]) => ["--label", `${label}=${value}`]);
  await dockerOutput(docker, ["volume", "create", ...options, volume]);
  // If a volume of that name exists, Docker says the same, but leaves its labels as they are.
  const written = await labelsOf(docker, volume);
  if (written?.[labelOf.content] === labels[labelOf.content]) return;
  throw new Failure(
    "docker-failed",
    `Docker volume ${volume}, which is to hold a record of the migration, exists with other labels. Remove it: "docker volume rm ${volume}".`,
  );
}

export async function removeDockerRecord(docker: Docker, kind: RecordKind, data: string): Promise<void> {
  await dockerOutput(docker, ["volume", "rm", "--force", dockerName(kind, data)]);
}

async function labelsOf(docker: Docker, volume: string): Promise<Record<string, string> | undefined> {
  try {
    const { stdout } = await spawnDocker(docker, ["volume", "inspect", volume], {});
    return Volumes.parse(JSON.parse(stdout))[0]?.Labels ?? {};
  } catch (error) {
    if (error instanceof ExecaError && /no such volume/i.test(String(error.stderr))) return undefined;
    throw dockerFailure(error);
  }
}

/** Docker takes up to this long to remove the lock of a run that was just killed. */
const waitSeconds = 5;

/**
 * Runs the work while no other run migrates to this server. Otherwise a second run would take the first for a killed one, and end its
 * switch. The lock is the name of a container: Docker gives it once, to runs on whatever machine, and it goes with its run.
 */
export async function withMigrationLock<T>(
  server: NewServer,
  signal: AbortSignal,
  work: () => Promise<T>,
): Promise<T> {
  const lock = await takeLock(server, signal);
  try {
    return await work();
  } finally {
    await lock.close();
  }
}

async function takeLock(server: NewServer, signal: AbortSignal): Promise<Throwaway> {
  const { docker, container, request } = server;
  const name = dockerName("migration", dataOf(server));
  const command = ["tail", "-f", "/dev/null"];
  const lock = { image: container.Image, purpose: "migration", name, env: {}, options: [], command };
  const end = performance.now() + waitSeconds * 1000;
  for (;;) {
    try {
      return await startThrowaway(docker, lock, signal);
    } catch (error) {
      if (!(error instanceof Failure && error.message.includes("is already in use"))) throw error;
    }
    if (performance.now() > end)
      throw new Failure(
        "migration-in-progress",
        `Another migration to container "${request.toContainer}" is in progress. Wait for it. If no run of it exists any more, on any ` +
          `machine, remove its lock: "docker rm --force ${name}".`,
      );
    await setTimeout(500);
  }
}
