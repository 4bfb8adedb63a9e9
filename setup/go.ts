import { existsSync } from "node:fs";
import { mkdir, rename } from "node:fs/promises";
import path from "node:path";
import { execa } from "execa";
import { step, SetupError, succeeds } from "./step";

interface GoProgram {
  /** Printed while the program is built. */
  readonly title: string;
  /** The error if Go is not installed. */
  readonly withoutGo: string;
  /** Folder with the go.mod that pins the versions. */
  readonly module: string;
  readonly package: string;
  readonly ldflags: string;
  /** Path of the built program. If it exists, nothing is built. */
  readonly output: string;
}

/** Builds a program once from its Go module. */
export async function ensureGoProgram(program: GoProgram): Promise<void> {
  if (existsSync(program.output)) return;
  if (!(await succeeds("go", ["version"]))) throw new SetupError(program.withoutGo);
  await mkdir(path.dirname(program.output), { recursive: true });
  await step(program.title, async () => {
    // An interrupted build must not look complete, so the program gets its final name at the end.
    const unfinished = `${program.output}.unfinished`;
    const args = ["build", "-trimpath", `-ldflags=-s -w ${program.ldflags}`, "-o", unfinished];
    await execa("go", [...args, program.package], { cwd: program.module, env: { CGO_ENABLED: "0" } });
    await rename(unfinished, program.output);
  });
}
