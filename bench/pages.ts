/** What is written from the figures of the last `make bench`: docs/performance.md, and the targets in CONTRIBUTING.md. */
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { root } from "../setup/paths";
import { markdownTable } from "./format";
import { report } from "./report";
import type { BenchResult } from "./result";
import { verdicts } from "./targets";

export const page = "performance.md";
export const figures = "performance.json";

const begin = "<!-- targets: written by `npm run schema` -->";
const end = "<!-- end of the targets -->";

const read = (file: string) => readFileSync(path.join(root, file), "utf8");

function targetTable(result: BenchResult): string {
  const rows = verdicts(result).map(({ target, limit, measured, met }) => [
    target,
    limit,
    measured,
    met ? "met" : "**not met**",
  ]);
  return markdownTable(["target", "limit", "measured", ""], rows);
}

/** The figures of the last `make bench` that wrote to docs/. */
export function lastResult(): BenchResult {
  return JSON.parse(read(`docs/${figures}`)) as BenchResult;
}

/** Each page as the figures have it. */
export function pages(): Readonly<Record<string, string>> {
  const result = lastResult();
  const contributing = read("CONTRIBUTING.md");
  const [before, rest] = contributing.split(begin);
  const [, after] = rest?.split(end) ?? [];
  if (before === undefined || after === undefined)
    throw new Error(`CONTRIBUTING.md lacks the line ${begin}, or ${end}.`);
  return {
    [`docs/${page}`]: report(result),
    "CONTRIBUTING.md": [before, begin, "\n\n", targetTable(result), "\n\n", end, after].join(""),
  };
}

if (require.main === module)
  for (const [file, text] of Object.entries(pages())) writeFileSync(path.join(root, file), text);
