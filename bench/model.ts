/** Estimates a backup of another size on another machine from the parts that were measured alone. */

/** Seconds and bytes of one row, on one core. */
export interface Rates {
  /** The server's session that writes rows as text. */
  readonly copy: number;
  /** pg_dump's work on that text, with its compression. */
  readonly compress: number;
  /** CPU time in the container to dump in ranges. Several workers share it. */
  readonly ranges: number;
  /** The session that counts and fingerprints. */
  readonly count: number;
  readonly checksum: number;
  /** A full read of the archive. */
  readonly read: number;
  readonly tableBytes: number;
  readonly archiveBytes: number;
  /** Bytes per second of the disk. */
  readonly writtenPerSecond: number;
  readonly readPerSecond: number;
  /** Time of a run that has nothing to back up. */
  readonly fixedSeconds: number;
}

interface Scale {
  readonly rows: number;
  readonly cores: number;
  /** Sessions that dump the large table at the same time. pg_dump uses one session for each table. */
  readonly workers: number;
  /** A table larger than this is read from the disk. */
  readonly memoryBytes: number;
}

export interface Projection {
  readonly scale: Scale;
  /** Time until the archive is written. */
  readonly dumpSeconds: number;
  /** Time for checksums and the full read of the archive. */
  readonly checkSeconds: number;
  readonly totalSeconds: number;
  /** The bottleneck: only a quicker one of these makes the dump shorter. */
  readonly saturated: string;
}

/** What a nightly backup needs. Seconds and bytes of one row, on one core. */
export interface NightlyRates {
  /** CPU time in the container to dump and compress. */
  readonly dump: number;
  /** CPU time in the container to compare a table with the backup before. */
  readonly compare: number;
  /** One thread reads all shared files for their checksums. */
  readonly checksum: number;
  readonly tableBytes: number;
  readonly archiveBytes: number;
  /** Bytes per second of the disk. */
  readonly writtenPerSecond: number;
  readonly readPerSecond: number;
  /** Time of a run that has nothing to back up. */
  readonly fixedSeconds: number;
}

interface NightlyScale {
  readonly tables: number;
  /** Of one table. */
  readonly rows: number;
  readonly cores: number;
  /** Tables and archives that are together larger than this are read from the disk. */
  readonly memoryBytes: number;
}

interface Estimate {
  readonly seconds: number;
  /** What it waits for most. */
  readonly saturated: string;
}

/**
 * Backups of several tables of which none changed, and a bare pg_dump of them, which has a session for each table, of which each keeps
 * two cores busy. The sessions of the nightly backup share large tables; meanwhile one thread reads the shared files.
 */
export function projectNightly(
  rates: NightlyRates,
  { tables, rows: rowsOfOne, cores, memoryBytes }: NightlyScale,
): { readonly bare: Estimate; readonly nightly: Estimate } {
  const rows = tables * rowsOfOne;
  const read = (bytesOfRow: number): readonly [string, number] => [
    "reading from the disk",
    rows * (rates.tableBytes + rates.archiveBytes) > memoryBytes
      ? (rows * bytesOfRow) / rates.readPerSecond
      : 0,
  ];
  const sessions = 2 * tables;
  const [bareSaturated, bareSeconds] = slowestOf([
    [
      cores > sessions ? "the sessions, one for each table" : "the cores",
      (rows * rates.dump) / Math.min(cores, sessions),
    ],
    ["writing to the disk", (rows * rates.archiveBytes) / rates.writtenPerSecond],
    read(rates.tableBytes),
  ]);
  const [saturated, seconds] = slowestOf([
    ["the cores", (rows * (rates.compare + rates.checksum)) / cores],
    ["the checksums", rows * rates.checksum],
    read(rates.tableBytes + rates.archiveBytes),
  ]);
  return {
    bare: { seconds: bareSeconds, saturated: bareSaturated },
    nightly: { seconds: rates.fixedSeconds + seconds, saturated },
  };
}

function slowestOf(candidates: readonly (readonly [string, number])[]): readonly [string, number] {
  return candidates.reduce((slowest, next) => (next[1] > slowest[1] ? next : slowest));
}

/** All parts of the dump run at the same time, so the slowest one decides. The checks run after the dump. */
export function project(rates: Rates, scale: Scale): Projection {
  const { rows, cores, workers, memoryBytes } = scale;
  const dumped = workers > 1 ? rates.ranges : rates.copy + rates.compress;
  const scans = rows * rates.tableBytes > memoryBytes ? 2 : 0;
  const candidates: readonly (readonly [string, number])[] = [
    ["the server's session that writes rows as text", (rows * rates.copy) / workers],
    ["pg_dump's compression", (rows * rates.compress) / workers],
    ["the session that counts and fingerprints", rows * rates.count],
    ["the cores", (rows * (dumped + rates.count)) / cores],
    ["writing to the disk", (rows * rates.archiveBytes) / rates.writtenPerSecond],
    ["reading from the disk", (scans * rows * rates.tableBytes) / rates.readPerSecond],
  ];
  const [saturated, dumpSeconds] = slowestOf(candidates);
  // Both read the archive at the same time, each on its own core.
  const checkSeconds = rows * Math.max(rates.checksum, rates.read);
  return {
    scale,
    dumpSeconds,
    checkSeconds,
    totalSeconds: rates.fixedSeconds + dumpSeconds + checkSeconds,
    saturated,
  };
}
