/**
 * Applies each mutant to a copy of the code. This fails if the tests of a mutant pass. Arguments are parts of titles: with
 * arguments, only matching mutants are tried.
 */
import assert from "node:assert/strict";
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { execa } from "execa";
import { root } from "../../setup/paths";
import { mutants } from "./list";
import type { Mutant } from "./mutant";

/** Large folders that no mutant changes. */
const linked = ["node_modules", ".cache"];
const notCopied = new Set([...linked, ".git", "backups", "coverage"]);

/** A test that waits for ever also notices the mutant. */
const longestMinutes = 15;

async function main(parts: readonly string[]): Promise<void> {
  const chosen = mutants.filter(
    ({ title }) => parts.length === 0 || parts.some((part) => title.includes(part)),
  );
  assert.ok(chosen.length > 0, `No mutant is called ${parts.join(", ")}.`);
  const copy = await mkdtemp(path.join(os.tmpdir(), "pgb-mutants-"));
  const survivors: string[] = [];
  try {
    await cp(root, copy, { recursive: true, filter: (file) => !notCopied.has(path.relative(root, file)) });
    for (const name of linked) await symlink(path.join(root, name), path.join(copy, name));
    const testsOf = new Map(chosen.map((mutant) => [JSON.stringify(mochaArguments(mutant)), mutant]));
    for (const mutant of testsOf.values()) {
      const first = await runTests(copy, mutant);
      // On a busy machine a test may fail once, but not twice.
      const { failed, stdout } = first.failed ? await runTests(copy, mutant) : first;
      assert.ok(!failed, `Tests fail without a mutant:\n${stdout}`);
    }
    for (const mutant of chosen) {
      const started = performance.now();
      const survived = await survives(copy, mutant);
      if (survived) survivors.push(mutant.title);
      const seconds = Math.round((performance.now() - started) / 1000);
      process.stdout.write(`${survived ? "SURVIVED" : "killed  "}  ${mutant.title} (${seconds} s)\n`);
    }
  } finally {
    await rm(copy, { recursive: true, force: true });
  }
  if (survivors.length > 0) process.exitCode = 1;
}

async function survives(copy: string, mutant: Mutant): Promise<boolean> {
  const { title, file, text, replacement } = mutant;
  const source = path.join(copy, file);
  // The runner is bundled from its sources; the components are compiled.
  const compiled = file.endsWith(".ts") ? [path.join(copy, "dist", file.replace(/ts$/, "js"))] : [];
  const files = [source, ...compiled];
  const before = await Promise.all(files.map((name) => readFile(name, "utf8")));
  const parts = before[0]?.split(text) ?? [];
  assert.equal(parts.length, 2, `"${title}": ${file} must have this once:\n${text}`);
  try {
    await writeFile(source, parts.join(replacement));
    for (const output of compiled) await esbuild(copy, source, output);
    await must(execa("npm", ["run", "--silent", "bundle"], { ...quiet, cwd: copy }));
    return !(await runTests(copy, mutant)).failed;
  } finally {
    await Promise.all(files.map((name, index) => writeFile(name, before[index] ?? "")));
  }
}

const quiet = { reject: false, all: true } as const;

/** Without its types: a mutant need not have the right ones to be run. */
async function esbuild(copy: string, source: string, output: string): Promise<void> {
  const options = ["--platform=node", "--format=cjs", `--outfile=${output}`, "--log-level=warning"];
  await must(execa("node_modules/.bin/esbuild", [source, ...options], { ...quiet, cwd: copy }));
}

async function must(
  building: PromiseLike<{ readonly failed: boolean; readonly all: string }>,
): Promise<void> {
  const { failed, all } = await building;
  assert.ok(!failed, `It cannot be built:\n${all}`);
}

const runTests = (copy: string, mutant: Mutant) =>
  execa("node_modules/.bin/mocha", mochaArguments(mutant), {
    cwd: copy,
    reject: false,
    timeout: longestMinutes * 60_000,
  });

const mochaArguments = ({ tests, grep }: Mutant) => [
  "--bail",
  // A failed test may leave a program that waits for it.
  "--exit",
  "--fail-zero",
  ...(grep === undefined ? [] : ["--fgrep", grep]),
  ...tests,
];

void main(process.argv.slice(2));
