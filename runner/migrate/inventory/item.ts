/** What a server has, by name: one list for each side, so that they can be compared. */

export interface Item {
  /** Such as "view"; with the name, what the user writes to leave it behind. */
  readonly kind: string;
  readonly name: string;
  /** The same on both sides, though the database may have another name there. */
  readonly key: string;
  /** What has to be equal on both sides, where that can be said in few words. */
  readonly detail?: string | undefined;
  /** Key of the item without which there is no need to name this one. */
  readonly of?: string | undefined;
  /** The schema that it is in, as the user writes it to leave all of that behind. */
  readonly within?: string | undefined;
  /** Whoever makes a server gets it by default: the new one need not have the same. */
  readonly byDefault?: boolean;
  /** The migration brings it. */
  readonly brought?: boolean;
  /** The user has said by another argument that it stays behind. */
  readonly excluded?: boolean;
  /** For the message, such as the number of rows. */
  readonly note?: string | undefined;
}

export const inWords = ({ kind, name }: Pick<Item, "kind" | "name">): string => `${kind} ${name}`;

/** An item whose key is its own words. */
export function item(kind: string, name: string, more: Partial<Item> = {}): Item {
  return { kind, name, key: inWords({ kind, name }), ...more };
}

/** Items of the old server that the new one has neither now nor after the migration. */
export function missingItems(old: readonly Item[], fresh: readonly Item[]): Item[] {
  const there = new Map(fresh.map(({ key, detail }) => [key, detail]));
  const has = ({ key, detail }: Item) =>
    there.has(key) && (detail === undefined || there.get(key) === detail);
  const missing = old.filter((one) => one.byDefault !== true && one.brought !== true && !has(one));
  const keys = new Set(missing.map(({ key }) => key));
  return missing.filter(({ of }) => of === undefined || !keys.has(of));
}

/** Items that the migration was to bring, and that the new server does not have after it. */
export function notBrought(old: readonly Item[], fresh: readonly Item[]): Item[] {
  const there = new Set(fresh.map(({ key }) => key));
  return old.filter(({ brought, key }) => brought === true && !there.has(key));
}
