import { printable } from "../lib/format";

/** Text that is HTML already. */
export class Html {
  constructor(readonly source: string) {}
}

type Value = Html | readonly Html[] | string | number | undefined;

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** A template in which every value is shown as text, unless it is HTML already. */
export function html(parts: TemplateStringsArray, ...values: readonly Value[]): Html {
  return new Html(parts.map((part, index) => `${part}${sourceOf(values[index])}`).join(""));
}

function sourceOf(value: Value): string {
  if (value === undefined) return "";
  if (value instanceof Html) return value.source;
  if (typeof value === "object") return value.map(({ source }) => source).join("\n");
  return printable(String(value)).replaceAll(/[&<>"']/g, (character) => entities[character] ?? "");
}
