import type { ExecTarget } from "../docker/exec";
import type { Manifest } from "../repository/manifest";
import type { Relation } from "../postgres/catalog/catalog";
import { sqlName } from "../postgres/session/names";
import { countOrphans } from "../postgres/catalog/logical-keys";

interface Restored {
  readonly target: ExecTarget;
  readonly snapshotId: string;
  /** By the names that they have in the manifest. */
  readonly tables: ReadonlyMap<string, Relation>;
}

/** Every relation, of those whose tables were both restored, that has not as many orphans as were recorded. */
export async function compareOrphans(
  recorded: Manifest["relations"],
  { target, snapshotId, tables }: Restored,
  signal: AbortSignal,
): Promise<string[]> {
  const relations = recorded.flatMap(({ relation, child, parent, orphans }) => {
    const [childTable, parentTable] = [tables.get(sqlName(child)), tables.get(sqlName(parent))];
    if (childTable === undefined || parentTable === undefined) return [];
    const columns = { childColumn: child.column, parentColumn: parent.column };
    return [{ text: relation, child: childTable, parent: parentTable, ...columns, recorded: orphans }];
  });
  const counted = await countOrphans(target, snapshotId, relations, undefined, signal);
  return counted.flatMap(({ text, orphans }, index) => {
    const before = relations[index]?.recorded;
    return before === orphans
      ? []
      : [`${text}: orphans: ${String(before)} in the manifest, ${orphans} restored`];
  });
}
