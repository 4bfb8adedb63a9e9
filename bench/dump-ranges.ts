/**
 * Dumps one table in ranges, as a backup does, and does nothing else. Arguments: container, database, table, folder on
 * this machine, the same folder in the container, workers. It is compiled beforehand, so that the time to compile is not measured.
 */
import { mkdir } from "node:fs/promises";
import { z } from "zod";
import { copyRanges } from "../runner/postgres/archive/ranged-dump";
import { runningContainer } from "../runner/docker/container";
import { directDocker } from "../runner/docker/docker";
import { callerIds } from "../runner/docker/exec";
import { readCatalog } from "../runner/postgres/catalog/catalog";
import { forWorkers, splitTables } from "../runner/postgres/archive/ranges";
import { serverTarget } from "../runner/postgres/session/server";
import { openSession } from "../runner/postgres/session/session";
import { findCompressor } from "../runner/postgres/archive/compression";

async function main(
  container: string,
  database: string,
  table: string,
  hostPath: string,
  containerPath: string,
  workers: string,
): Promise<void> {
  const { signal } = new AbortController();
  const jobs = Number(workers);
  const engine = directDocker(undefined);
  const request = { user: "postgres", database };
  const target = serverTarget(engine, await runningContainer(engine, container), request, "bench");
  const session = openSession(target, signal);
  try {
    await session.run("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
    const { id } = await session.row("SELECT pg_export_snapshot() AS id", z.object({ id: z.string() }));
    const tables = (await readCatalog(session)).filter(({ name }) => name === table);
    const ranged = await splitTables(session, tables, forWorkers(jobs));
    const compressor = await findCompressor(target, "zstd:1");
    if (compressor === undefined || ranged.length !== 1) throw new Error(`${table} cannot be split here`);
    await mkdir(hostPath, { recursive: true });
    const folder = { hostPath, containerPath, user: callerIds() };
    await copyRanges(target, id, folder, jobs, { ranged, compressor, onTables: () => undefined }, signal);
  } finally {
    await session.close();
  }
}

main(...(process.argv.slice(2) as Parameters<typeof main>)).catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
