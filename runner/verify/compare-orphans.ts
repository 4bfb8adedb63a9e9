import type { ExecTarget } from "../docker/exec";
import type { Manifest } from "../repository/manifest";
import type { Relation } from "../postgres/catalog/catalog";
import { sqlName } from "../postgres/session/names";
import { countOrphans } from "../postgres/catalog/orphans";

interface Restored {
  readonly target: ExecTarget;
  readonly snapshotId: string;
  /** By the names that they have in the manifest. */
  readonly tables: ReadonlyMap<string, Relation>;
}

/** Every logical foreign key whose tables were both restored and that has another number of orphans than was recorded. */
export async function compareOrphans(
  recorded: Manifest["logicalForeignKeys"],
  { target, snapshotId, tables }: Restored,
  signal: AbortSignal,
): Promise<string[]> {
  const keys = recorded.flatMap(({ key, child, parent, orphans }) => {
    const [childTable, parentTable] = [tables.get(sqlName(child)), tables.get(sqlName(parent))];
    if (childTable === undefined || parentTable === undefined) return [];
    const columns = { childColumn: child.column, parentColumn: parent.column };
    return [{ text: key, child: childTable, parent: parentTable, ...columns, recorded: orphans }];
  });
  const counted = await countOrphans(target, snapshotId, keys, undefined, signal);
  return counted.flatMap(({ text, orphans }, index) => {
    const before = keys[index]?.recorded;
    return before === orphans
      ? []
      : [`${text}: orphans: ${String(before)} in the manifest, ${orphans} restored`];
  });
}
