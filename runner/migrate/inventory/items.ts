/** What a server has, by name, so that two servers can be compared; and what of it may stay behind. */
import { Failures, Failure } from "../../lib/failure";
import { setting } from "../../lib/setting";

export interface Item {
  /** Such as "view"; with the name, what the user writes to leave it behind. */
  readonly kind: string;
  readonly name: string;
  /** The same on both servers, even where the database has another name on the new one. */
  readonly key: string;
  /** What must be equal on both servers, in few words. */
  readonly detail?: string | undefined;
  /** Key of the item that this one belongs to: if that is missing, this one need not be named. */
  readonly of?: string | undefined;
  /** Of a password: it is an MD5 hash, with which a role logs in only where a rule asks for one. */
  readonly md5?: boolean;
  /** Key of the role that a membership is in. */
  readonly group?: string | undefined;
  /** The schema that it is in, as the user writes it to leave all of that behind. */
  readonly within?: string | undefined;
  /** Every new server has one by default, so the new server need not have the same. */
  readonly byDefault?: boolean;
  /** The migration brings it. */
  readonly brought?: boolean;
  /** The user left it behind by another argument. */
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
export function missingItems(oldItems: readonly Item[], newItems: readonly Item[]): Item[] {
  const there = new Map(newItems.map(({ key, detail }) => [key, detail]));
  const has = ({ key, detail }: Item) =>
    there.has(key) && (detail === undefined || there.get(key) === detail);
  const missing = oldItems.filter((one) => one.byDefault !== true && one.brought !== true && !has(one));
  const keys = new Set(missing.map(({ key }) => key));
  return missing.filter(({ of }) => of === undefined || !keys.has(of));
}

/** Items that the migration was to bring, and that the new server does not have after it; as they were, where that is asked. */
export function notBrought(
  oldItems: readonly Item[],
  newItems: readonly Item[],
  { alike }: { readonly alike: boolean },
): Item[] {
  const there = new Map(newItems.map(({ key, detail }) => [key, detail]));
  const has = ({ key, detail }: Item) => there.has(key) && (!alike || there.get(key) === detail);
  return oldItems.filter((one) => one.brought === true && one.byDefault !== true && !has(one));
}

/** Such as "2 tables, 1 view". */
export function countsByKind(items: readonly Item[]): string {
  const counts = new Map<string, number>();
  for (const { kind } of items) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  return (
    [...counts]
      .sort(([one], [other]) => Number(other === "table") - Number(one === "table"))
      .slice(0, 4)
      .map(([kind, count]) => (/^[a-z ]+[^s]$/.test(kind) ? inNumbers(count, kind) : `${count} ${kind}`))
      .join(", ") || "empty"
  );
}

export function inNumbers(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

export interface Acceptance {
  /** Each "kind name", where * and ? in the name stand for any characters. */
  readonly leaveBehind: readonly string[];
  readonly excludeDatabases: readonly string[];
}

/** Missing items that the user has not accepted. */
export function notAccepted(missing: readonly Item[], { leaveBehind, excludeDatabases }: Acceptance): Item[] {
  const accepted = accepts([...leaveBehind, ...excludeDatabases.map((name) => `database ${name}`)]);
  return missing.filter(
    (one) =>
      one.excluded !== true && !accepted(inWords(one)) && !(one.within !== undefined && accepted(one.within)),
  );
}

function accepts(texts: readonly string[]): (words: string) => boolean {
  const exact = new Set(texts);
  const patterns = texts.filter((text) => /[*?]/.test(text)).map(patternOf);
  return (words) => exact.has(words) || patterns.some((pattern) => pattern.test(words));
}

function patternOf(text: string): RegExp {
  const source = text
    .replace(/[\\^$.|+()[\]{}]/g, "\\$&")
    .replaceAll("*", ".*")
    .replaceAll("?", ".");
  return new RegExp(`^${source}$`, "su");
}

/** Fails if an entry would accept items of every kind. */
export function checkAcceptance({ leaveBehind }: Pick<Acceptance, "leaveBehind">): void {
  Failures.throwIfAny(
    leaveBehind
      .filter((text) => /^[^ ]*[*?]/.test(text) || !text.includes(" "))
      .map(
        (text) =>
          new Failure(
            "usage",
            `leaveBehind: "${text}" does not name what stays behind. Write kind and name as the error shows them, such as "view public.seen" or "view public.*".`,
          ),
      ),
  );
}

/** The most bytes for the names of one kind, and for all names. */
const bytesOf = { kind: 900, all: 6000 };

/** Fails with everything that the new server would lack, sorted by kind. */
export function checkLeftBehind(missing: readonly Item[], { all }: { readonly all: boolean }): void {
  if (missing.length === 0) return;
  const kinds = new Map<string, Item[]>();
  for (const one of missing) kinds.set(one.kind, [...(kinds.get(one.kind) ?? []), one]);
  let left = bytesOf.all;
  const failures: Failure[] = [];
  let rest: Item[] = [];
  for (const [kind, items] of kinds) {
    const message = `The new server would lack ${listed(kind, items, Math.min(bytesOf.kind, left))}.`;
    if (left < Buffer.byteLength(message)) {
      rest = [...rest, ...items];
      continue;
    }
    left -= Buffer.byteLength(message);
    failures.push(new Failure(kind === "role" ? "requirement-missing" : "left-behind", message));
  }
  const more =
    rest.length === 0 ? "" : `Further kinds are not shown: ${countsByKind(rest)}, ${rest.length} in all. `;
  const last = failures.pop();
  throw new Failures([
    ...failures,
    new Failure(last?.code ?? "left-behind", `${last?.message ?? ""}\n${more}${remedy(all)}`),
  ]);
}

const remedy = (all: boolean) =>
  (all
    ? "A migration brings one database. "
    : `A migration brings the tables of one database, and what they need; with ${setting("--all", "all: true")}, the whole database. `) +
  "Create the rest on the new server, roles with their passwords too; " +
  `or accept each that nobody needs there, by the words in quotes: ${setting('--leave-behind "view public.*"', 'leaveBehind: ["view public.*"]')}. ` +
  "* and ? stand for any characters of a name.";

function listed(kind: string, items: readonly Item[], bytes: number): string {
  const shown: string[] = [];
  let used = 0;
  for (const one of items) {
    const text = `"${inWords(one)}"${one.note === undefined ? "" : ` (${one.note})`}`;
    used += Buffer.byteLength(text) + 2;
    if (used > bytes && shown.length > 0)
      return `${shown.join(", ")} and ${items.length - shown.length} more of the kind, all of which are "${kind} *"`;
    shown.push(used > bytes ? `"${kind} *" (${items.length})` : text);
  }
  return shown.join(", ");
}

/** What stays behind because the user accepted it, for the result. */
export function acceptedInWords(missing: readonly Item[]): string[] {
  if (missing.length === 0) return [];
  const shown = missing.slice(0, 10).map(inWords).join(", ");
  const words = shown.length > 600 ? countsByKind(missing) : shown;
  const more = missing.length > 10 && shown.length <= 600 ? ` and ${missing.length - 10} more` : "";
  return [`Left behind: ${words}${more}.`];
}
