import type { Summary } from "./result";
import { formatBytes } from "../runner/lib/format";

export function formatSeconds(seconds: number): string {
  if (seconds < 10) return `${seconds.toFixed(2)} s`;
  if (seconds < 100) return `${seconds.toFixed(1)} s`;
  if (seconds < 600) return `${seconds.toFixed(0)} s`;
  return `${(seconds / 60).toFixed(0)} min`;
}

/** The median, followed by the least and the most if they differ. */
export function formatSpread({ median, least, most }: Summary): string {
  const [low, high] = [formatSeconds(least), formatSeconds(most)];
  return low === high ? formatSeconds(median) : `${formatSeconds(median)} (${low} – ${high})`;
}

/** The same for a ratio. */
export function formatRatio({ median, least, most }: Summary): string {
  const [middle, low, high] = [median, least, most].map((value) => value.toFixed(2));
  return low === high ? `${middle}` : `${middle} (${low} – ${high})`;
}

export function formatSize(bytes: number): string {
  return formatBytes(Math.max(0, Math.round(bytes)));
}

export function formatCount(count: number): string {
  return count.toLocaleString("en");
}

/** A table in Markdown. All columns but the first are aligned to the right. */
export function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map((_, index) => (index === 0 ? "---" : "--:"))), ...rows.map(line)].join(
    "\n",
  );
}
