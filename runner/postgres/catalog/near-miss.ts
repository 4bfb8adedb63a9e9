import { distance } from "fastest-levenshtein";
import type { Relation } from "./catalog";
import { matchesFolded, type TablePattern } from "./selection";

/** As many as a message can hold. */
const shown = 5;

const bare = (name: string) => name.toLowerCase().replaceAll('"', "");

/**
 * Tables whose names are close to one that was not found: the same but for case or schema, or a few letters off, one
 * in four at most.
 */
export function nearMisses(pattern: TablePattern, relations: readonly Relation[]): string[] {
  const wanted = bare(pattern.text);
  return relations
    .map(({ schema, name, sqlName }) => ({
      sqlName,
      letters: matchesFolded(pattern, name)
        ? 0
        : Math.min(distance(bare(name), wanted), distance(bare(`${schema}.${name}`), wanted)),
    }))
    .filter(({ letters }) => letters <= wanted.length / 4)
    .sort((a, b) => a.letters - b.letters)
    .slice(0, shown)
    .map(({ sqlName }) => sqlName);
}
