import { totalBytes } from "../lib/bytes";
import type { DumpDestination, DumpOptions } from "../postgres/archive/dump";
import { type MeasureOptions, measureTables } from "../postgres/catalog/fingerprint";
import { countOrphans } from "../postgres/catalog/orphans";
import { formatBytes } from "../lib/progress";
import { together } from "../lib/together";
import { planDump } from "./plan-dump";
import type { Run } from "./run";

/** Counts and fingerprints are read while pg_dump runs; when one of them fails, the others are ended. */
export async function dumpAndMeasure(
  run: Run,
  destination: DumpDestination,
  options: DumpOptions,
  measuring: MeasureOptions,
) {
  const { request, target, session, snapshot, logicalForeignKeys, draft, progress, signal } = run;
  progress.note(
    `Dumping ${snapshot.tables.length} tables, ${formatBytes(totalBytes(snapshot.tables))} in the database.`,
  );
  const { archive, dumped } = noticed(destination);
  // Before the others use the session.
  const dumpTables = await planDump(run, options, archive);
  let current = "table definitions";
  const stop = progress.follow(
    () => current,
    () => draft.bytes(),
  );
  try {
    const [, [measures, counted]] = await together(signal, [
      (either) => dumpTables((tables) => (current = tables || current), either),
      async (either) => {
        const read = await together(either, [
          (each) => measureTables(session, target, snapshot, measuring, each),
          (each) => countOrphans(target, snapshot.id, logicalForeignKeys, request.maxOrphans, each),
        ]);
        // An archive that pg_dump has written to its end may still be on its way; the tables need not wait for that.
        if (await dumped(either)) await session.run("COMMIT");
        return read;
      },
    ]);
    signal.throwIfAborted();
    return { measures, logicalForeignKeys: counted };
  } catch (error) {
    // Where the session that holds the snapshot has died, what failed after it is a consequence.
    if (!signal.aborted) await session.run("SELECT 1");
    throw error;
  } finally {
    stop();
  }
}

/** A destination that is streamed to, and whether `pg_dump` has given it all; false where that does not matter, or will not be. */
function noticed(destination: DumpDestination) {
  if (!("receive" in destination)) return { archive: destination, dumped: () => Promise.resolve(false) };
  const given = new AbortController();
  const noticing = async function* (chunks: AsyncIterable<Uint8Array>) {
    yield* chunks;
    given.abort();
  };
  const dumped = (signal: AbortSignal) =>
    new Promise<boolean>((resolve) => {
      const either = AbortSignal.any([given.signal, signal]);
      const tell = () => {
        resolve(given.signal.aborted);
      };
      if (either.aborted) tell();
      else either.addEventListener("abort", tell, { once: true });
    });
  const archive: DumpDestination = { receive: (chunks) => destination.receive(noticing(chunks)) };
  return { archive, dumped };
}
