import { existsSync } from "node:fs";
import { mkdir, rename } from "node:fs/promises";
import path from "node:path";
import { execa } from "execa";
import { step, SetupError } from "./step";
import { succeeds } from "./succeeds";

interface GoProgram {
  /** What the user is told while it is built. */
  readonly title: string;
  /** What the user is told where there is no Go. */
  readonly withoutGo: string;
  /** Folder with the go.mod that names the versions. */
  readonly module: string;
  readonly package: string;
  readonly ldflags: string;
  /** The program's file; where it exists, nothing is built. */
  readonly output: string;
}

/** A program that is built once from its Go module. */
export async function ensureGoProgram(program: GoProgram): Promise<void> {
  if (existsSync(program.output)) return;
  if (!(await succeeds("go", ["version"]))) throw new SetupError(program.withoutGo);
  await mkdir(path.dirname(program.output), { recursive: true });
  await step(program.title, async () => {
    // Under another name first: an interrupted build must not be taken for a finished one.
    const unfinished = `${program.output}.unfinished`;
    const args = ["build", "-trimpath", `-ldflags=-s -w ${program.ldflags}`, "-o", unfinished];
    await execa("go", [...args, program.package], { cwd: program.module, env: { CGO_ENABLED: "0" } });
    await rename(unfinished, program.output);
  });
}
