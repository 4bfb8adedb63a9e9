/** Applies each mutant to a copy of the code, and fails unless the tests beside it fail. */
import assert from "node:assert/strict";
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { execa } from "execa";
import { root } from "../../setup/paths";
import { mutants } from "./list";

const notCopied = new Set(["node_modules", ".git", "backups", "coverage"]);

async function main(): Promise<void> {
  const copy = await mkdtemp(path.join(os.tmpdir(), "pgb-mutants-"));
  const survivors: string[] = [];
  try {
    await cp(root, copy, { recursive: true, filter: (file) => !notCopied.has(path.relative(root, file)) });
    await symlink(path.join(root, "node_modules"), path.join(copy, "node_modules"));
    const run = (command: string, args: readonly string[]) =>
      execa(command, args, { cwd: copy, reject: false });
    const all = [...new Set(mutants.flatMap(({ tests }) => tests))];
    const unchanged = await run("node_modules/.bin/mocha", all);
    assert.equal(unchanged.exitCode, 0, `The tests fail without a mutant:\n${unchanged.stdout}`);
    for (const { title, file, text, replacement, tests } of mutants) {
      const mutated = path.join(copy, file);
      const source = await readFile(mutated, "utf8");
      assert.equal(source.split(text).length, 2, `${file} must have this once: ${text}`);
      await writeFile(
        mutated,
        source.replace(text, () => replacement),
      );
      const built = await run("npm", ["run", "--silent", "build"]);
      assert.equal(built.exitCode, 0, `"${title}" is no program:\n${built.stdout}${built.stderr}`);
      const { exitCode } = await run("node_modules/.bin/mocha", tests);
      if (exitCode === 0) survivors.push(title);
      process.stdout.write(`${exitCode === 0 ? "SURVIVED" : "killed  "}  ${title}\n`);
      await writeFile(mutated, source);
    }
  } finally {
    await rm(copy, { recursive: true, force: true });
  }
  if (survivors.length > 0) process.exitCode = 1;
}

void main();
