/**
 * One run at a time for each new server: a second one would take the first for one that was killed, and end its switch. The lock is
 * the name of a container, which Docker gives once, whatever machine a run is on, and which goes with the run that started it.
 */
import { setTimeout } from "node:timers/promises";
import { startThrowaway, type Throwaway } from "../docker/throwaway";
import { Failure } from "../lib/failure";
import { dockerName } from "./docker-record";
import { dataOf, type NewServer } from "./servers";

/** Seconds to wait for the lock of a run that was killed just now, which Docker is about to remove. */
const waitSeconds = 5;

/** The work, while no other run moves anything to this server. */
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
