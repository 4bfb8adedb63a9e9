/** What other scales and machines would give: the parts of a backup as they were measured alone, put together on paper. */

/** Seconds and bytes of one row, on one core. */
export interface Rates {
  /** The server's session that writes rows as text. */
  readonly copy: number;
  /** pg_dump's work on that text, with its compression. */
  readonly compress: number;
  /** All that the container does to dump in ranges, which several workers share. */
  readonly ranges: number;
  /** The session that counts and fingerprints. */
  readonly count: number;
  readonly checksum: number;
  /** The archive read to its end. */
  readonly read: number;
  readonly tableBytes: number;
  readonly archiveBytes: number;
  /** Of the disk. */
  readonly writtenPerSecond: number;
  readonly readPerSecond: number;
  /** Of a run that has nothing to back up. */
  readonly fixedSeconds: number;
}

export interface Scale {
  readonly rows: number;
  readonly cores: number;
  /** Sessions that dump the large table at once; pg_dump gives each table one. */
  readonly workers: number;
  /** A table that is larger is read from the disk. */
  readonly memoryBytes: number;
}

export interface Projection {
  readonly scale: Scale;
  /** Until the archive is written. */
  readonly dumpSeconds: number;
  /** Checksums, and the archive read to its end. */
  readonly checkSeconds: number;
  readonly totalSeconds: number;
  /** What the dump waits for: it would be shorter if this were quicker, and this alone. */
  readonly saturated: string;
}

/** While the dump runs, everything goes on at the same time and the slowest decides; the checks come after it. */
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
  const [saturated, dumpSeconds] = candidates.reduce((slowest, next) =>
    next[1] > slowest[1] ? next : slowest,
  );
  // Both read the archive at the same time, each on a core of its own.
  const checkSeconds = rows * Math.max(rates.checksum, rates.read);
  return {
    scale,
    dumpSeconds,
    checkSeconds,
    totalSeconds: rates.fixedSeconds + dumpSeconds + checkSeconds,
    saturated,
  };
}
