/** Bytes for a list of any length in a result, which as a whole must stay under 4 KB. */
const bytesFor = { tables: 1600, versionIds: 500 };

const jsonBytes = (value: unknown) => Buffer.byteLength(JSON.stringify(value)) + 1;

/** The names, as many as fit; the manifest has them all. */
export function summarizeTables(names: readonly string[]): string[] {
  const kept: string[] = [];
  let used = 0;
  for (const name of names) {
    used += jsonBytes(name);
    if (used > bytesFor.tables)
      return [...kept, `and ${names.length - kept.length} more, listed in the manifest`];
    kept.push(name);
  }
  return kept;
}

/** The versions of the first file, and of as many others as fit if that many repositories have versions. */
export function summarizeVersionIds(
  versionIds: Readonly<Record<string, string>>,
  first: string,
  places: number,
): Record<string, string> {
  const entries = Object.entries(versionIds).sort(
    ([one], [other]) => Number(other === first) - Number(one === first),
  );
  let used = 0;
  return Object.fromEntries(
    entries.filter(([file, id]) => {
      used += jsonBytes(file) + jsonBytes(id);
      return file === first || used <= bytesFor.versionIds / places;
    }),
  );
}
