/**
 * Stryker mutates pure functions that decide about data. This fails for each mutant that no unit test notices, except those
 * that `equivalent.ts` lists. Arguments are files to mutate. By default all are mutated.
 */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { execa } from "execa";
import { z } from "zod";
import { root } from "../../setup/paths";
import { equivalents } from "./equivalent";

const Position = z.object({ line: z.int(), column: z.int() });
const Report = z.object({
  files: z.record(
    z.string(),
    z.object({
      source: z.string(),
      mutants: z.array(
        z.object({
          status: z.string(),
          mutatorName: z.string(),
          replacement: z.string(),
          location: z.object({ start: Position, end: Position }),
        }),
      ),
    }),
  ),
});
type Report = z.infer<typeof Report>;

async function main(files: readonly string[]): Promise<void> {
  const report = path.join(root, ".cache/stryker-report.json");
  const only = files.length === 0 ? [] : ["--mutate", files.join(",")];
  const hook = path.join(root, "test/mutants/mocha-12.cjs");
  await execa("node_modules/.bin/stryker", ["run", "test/mutants/stryker.config.mjs", ...only], {
    cwd: root,
    env: { NODE_OPTIONS: `--require ${hook}` },
    stdio: ["ignore", "inherit", "inherit"],
  });
  const { files: mutated } = Report.parse(JSON.parse(await readFile(report, "utf8")));
  const found = Object.entries(mutated).flatMap(([file, { source, mutants }]) => {
    const lines = source.split("\n");
    return mutants
      .filter(({ status }) => !noticed.has(status))
      .map(({ mutatorName, ...mutant }) => ({
        file,
        line: mutant.location.start.line,
        mutatorName,
        mutated: asMutated(lines, mutant),
      }));
  });
  const known = new Set(equivalents.map(({ file, mutated: text }) => `${file} ${text}`));
  const survivors = found.filter((one) => !known.has(`${one.file} ${one.mutated}`));
  for (const { file, line, mutatorName, mutated: text } of survivors)
    process.stdout.write(`SURVIVED  ${file}:${line} (${mutatorName}): ${text}\n`);
  const there = new Set(found.map((one) => `${one.file} ${one.mutated}`));
  const stale = equivalents.filter((one) => one.file in mutated && !there.has(`${one.file} ${one.mutated}`));
  for (const { file, mutated: text } of stale)
    process.stdout.write(`No such mutant survives any more, ${file}: ${text}\n`);
  const all = Object.values(mutated).reduce((sum, { mutants }) => sum + mutants.length, 0);
  process.stdout.write(
    `${all} mutants of pure functions: ${survivors.length} survived, ${found.length - survivors.length} are equivalent.\n`,
  );
  if (survivors.length + stale.length > 0) process.exitCode = 1;
}

const noticed = new Set(["Killed", "Timeout", "CompileError", "RuntimeError", "Ignored"]);

type Mutant = Report["files"][string]["mutants"][number];

function asMutated(lines: readonly string[], { location, replacement }: Omit<Mutant, "mutatorName">): string {
  const { start, end } = location;
  const [first, last] = [lines[start.line - 1], lines[end.line - 1]];
  assert.ok(first !== undefined && last !== undefined);
  const text = first.slice(0, start.column - 1) + replacement + last.slice(end.column - 1);
  return text.replaceAll(/\s+/g, " ").trim();
}

void main(process.argv.slice(2));
