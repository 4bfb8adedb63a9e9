import { totalBytes } from "../bytes";
import { dump, type DumpDestination } from "../postgres/dump";
import { type MeasureOptions, measureTables } from "../postgres/fingerprint";
import { countOrphans } from "../postgres/orphans";
import { formatBytes } from "../progress";
import type { Run } from "./run";

/** Counts and fingerprints are read while pg_dump runs; when one of them fails, the others are ended. */
export async function dumpAndMeasure(
  { request, target, session, snapshot, relations, draft, progress, signal }: Run,
  destination: DumpDestination,
  options: Parameters<typeof dump>[1],
  measuring: MeasureOptions,
) {
  progress.note(
    `Dumping ${snapshot.tables.length} tables, ${formatBytes(totalBytes(snapshot.tables))} in the database.`,
  );
  let current = "table definitions";
  const stop = progress.follow(
    () => current,
    () => draft.bytes(),
  );
  const failed = new AbortController();
  const either = AbortSignal.any([signal, failed.signal]);
  const endAll = (error: unknown) => {
    failed.abort();
    throw error;
  };
  const work = [
    dump(target, options, snapshot, destination, (tables) => (current = tables || current), either).catch(
      endAll,
    ),
    measureTables(session, target, snapshot, measuring, either).catch(endAll),
    countOrphans(target, snapshot.id, relations, request.maxOrphans, either).catch(endAll),
  ] as const;
  try {
    const [, measures, counted] = await Promise.all(work);
    signal.throwIfAborted();
    return { measures, relations: counted };
  } catch (error) {
    // Where the session that holds the snapshot has died, what failed after it is a consequence.
    if (!signal.aborted) await session.run("SELECT 1");
    throw error;
  } finally {
    await Promise.allSettled(work);
    stop();
  }
}
