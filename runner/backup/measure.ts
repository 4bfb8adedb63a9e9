import { totalBytes } from "../bytes";
import type { DumpDestination, DumpOptions } from "../postgres/dump";
import { type MeasureOptions, measureTables } from "../postgres/fingerprint";
import { countOrphans } from "../postgres/orphans";
import { formatBytes } from "../progress";
import { together } from "../together";
import { planDump } from "./plan-dump";
import type { Run } from "./run";

/** Counts and fingerprints are read while pg_dump runs; when one of them fails, the others are ended. */
export async function dumpAndMeasure(
  run: Run,
  destination: DumpDestination,
  options: DumpOptions,
  measuring: MeasureOptions,
) {
  const { request, target, session, snapshot, relations, draft, progress, signal } = run;
  progress.note(
    `Dumping ${snapshot.tables.length} tables, ${formatBytes(totalBytes(snapshot.tables))} in the database.`,
  );
  // Before the others use the session.
  const dumpTables = await planDump(run, options, destination);
  let current = "table definitions";
  const stop = progress.follow(
    () => current,
    () => draft.bytes(),
  );
  try {
    const [, measures, counted] = await together(signal, [
      (either) => dumpTables((tables) => (current = tables || current), either),
      (either) => measureTables(session, target, snapshot, measuring, either),
      (either) => countOrphans(target, snapshot.id, relations, request.maxOrphans, either),
    ]);
    signal.throwIfAborted();
    return { measures, relations: counted };
  } catch (error) {
    // Where the session that holds the snapshot has died, what failed after it is a consequence.
    if (!signal.aborted) await session.run("SELECT 1");
    throw error;
  } finally {
    stop();
  }
}
