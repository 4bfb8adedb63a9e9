import { filesize } from "filesize";

export const formatBytes = (bytes: number): string => filesize(bytes, { standard: "si" });

/** Names for a sentence, the first of many. */
export function listed(names: readonly string[], most = 10): string {
  const rest = names.length - most;
  return rest > 0 ? `${names.slice(0, most).join(", ")} and ${rest} more` : names.join(", ");
}

export function totalBytes(items: readonly { readonly bytes: number }[]): number {
  return items.reduce((sum, { bytes }) => sum + bytes, 0);
}

/** Seconds, rounded to a tenth, since `started`, a value of `performance.now()`. */
export const secondsSince = (started: number): number => Math.round((performance.now() - started) / 100) / 10;

/**
 * Characters that control a terminal, or that reorder text. They can occur in the name of a table, or in a manifest
 * that somebody else wrote.
 */
const controls = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** Escapes control characters as JSON does, so that a terminal shows them and does not obey them. */
export function printable(text: string): string {
  return text.replaceAll(controls, (control) => `\\u${control.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
