/** Bytes that the table names may take in a result, which as a whole must stay under 4 KB. */
const budget = 2000;

/** The names, as many as fit; the manifest has them all. */
export function summarizeTables(names: readonly string[]): string[] {
  const kept: string[] = [];
  let used = 0;
  for (const name of names) {
    used += Buffer.byteLength(JSON.stringify(name)) + 1;
    if (used > budget) return [...kept, `and ${names.length - kept.length} more, listed in the manifest`];
    kept.push(name);
  }
  return kept;
}
