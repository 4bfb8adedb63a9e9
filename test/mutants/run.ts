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
  const compiled = path.join(copy, "dist", file.replace(/ts$/, "js"));
  const [before, compiledBefore] = await Promise.all([readFile(source, "utf8"), readFile(compiled, "utf8")]);
  const parts = before.split(text);
  assert.equal(parts.length, 2, `"${title}": ${file} must have this once:\n${text}`);
  try {
    await writeFile(source, parts.join(replacement));
    await compile(copy, source, compiled);
    return !(await runTests(copy, mutant)).failed;
  } finally {
    await Promise.all([writeFile(source, before), writeFile(compiled, compiledBefore)]);
  }
}

/** Compiles without type checks, because a mutant may have wrong types. */
async function compile(copy: string, source: string, compiled: string): Promise<void> {
  const options = { cwd: copy, reject: false, all: true };
  const one = ["--platform=node", "--format=cjs", `--outfile=${compiled}`, "--log-level=warning"];
  const transpiled = await execa("node_modules/.bin/esbuild", [source, ...one], options);
  const built = transpiled.failed ? transpiled : await execa("npm", ["run", "--silent", "bundle"], options);
  assert.ok(!built.failed, `It cannot be built:\n${built.all}`);
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
