import { findCompressor } from "../postgres/archive/compressor";
import { canReadContents } from "../postgres/archive/contents";
import { dump, type DumpDestination, type DumpOptions } from "../postgres/archive/dump";
import { splitTables } from "../postgres/archive/ranges";
import { dumpInRanges } from "./dump-in-ranges";
import type { Run } from "./run";

/** Dumps the tables of a run; says which it is busy with. */
export type Dumper = (onTables: (tables: string) => void, signal: AbortSignal) => Promise<void>;

/**
 * Workers from which on ranges pay. `pg_dump` alone keeps almost two cores busy with one table, the server's and its own,
 * which compresses; ranges take a quarter more CPU time, because psql hands the rows to another program, but spread it.
 */
const leastJobs = 3;

/** The server scans a range of pages without reading the others from this version on; before it, each would read all. */
const rangeScans = 140000;

/** The tables are dumped by `pg_dump`; the large ones of them in ranges, where that is asked for and can be. */
export async function planDump(
  run: Run,
  options: DumpOptions,
  destination: DumpDestination,
): Promise<Dumper> {
  const { request, target, session, snapshot, facts, progress } = run;
  const { format, jobs, compression } = options;
  const plain: Dumper = (onTables, signal) => dump(target, options, snapshot, destination, onTables, signal);
  const from = request.splitTablesFrom;
  if (from === 0 || jobs < leastJobs || facts.number < rangeScans) return plain;
  if (format !== "directory" || !("containerPath" in destination)) return plain;

  const ranged = await splitTables(session, snapshot.tables, { jobs, from });
  const compressor = ranged.length === 0 ? undefined : await findCompressor(target, compression);
  if (compressor === undefined || !(await canReadContents(target))) return plain;
  const names = ranged.map(({ sqlName, queries }) => `${sqlName} in ${queries.length} ranges`);
  progress.note(`Dumped by ${jobs} workers together: ${names.join(", ")}.`);
  return (onTables, signal) =>
    dumpInRanges(run, { ranged, compressor, options, destination, onTables }, signal);
}
