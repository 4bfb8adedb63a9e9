import { escapeIdentifier, escapeLiteral } from "./escape";

/** Of a table, sequence or the like. */
export interface Name {
  readonly schema: string;
  readonly name: string;
}

/** As SQL writes it, always in quotes. */
export const sqlName = ({ schema, name }: Name): string =>
  `${escapeIdentifier(schema)}.${escapeIdentifier(name)}`;

/** Oids for `IN (…)`. SQL does not allow an empty list; no object has the oid 0. */
export const oidList = (oids: readonly string[]): string => oids.join(", ") || "0";

/** Texts for `IN (…)`. SQL does not allow an empty list; nothing equals NULL. */
export const literalList = (texts: readonly string[]): string =>
  texts.map((text) => escapeLiteral(text)).join(", ") || "NULL";

/** The longest name that PostgreSQL keeps whole. */
const nameBytes = 63;

/** The name with a suffix of ASCII characters; as much of its end as leaves no room for that is cut off. */
export function withSuffix(name: string, suffix: string): string {
  let kept = name;
  while (Buffer.byteLength(kept) + suffix.length > nameBytes) kept = kept.replace(/.$/su, "");
  return kept + suffix;
}
