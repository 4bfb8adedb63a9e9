import path from "node:path";
import { execa } from "execa";
import type { Environment } from "./environment";
import { root } from "./paths";

/** Runs the user's shell with all that `pulumi` needs to work on the stack of this checkout. */
export async function shell({ pulumi, env }: Environment): Promise<void> {
  console.error(
    '"pulumi" works on the stack of this checkout here, such as "pulumi config set port 5434". "exit" leaves.',
  );
  const own = path.isAbsolute(pulumi) ? [path.dirname(pulumi)] : [];
  const PATH = [...own, process.env["PATH"]].join(path.delimiter);
  const { exitCode } = await execa(process.env["SHELL"] ?? "/bin/sh", [], {
    cwd: root,
    env: { ...env, PATH },
    stdio: "inherit",
    reject: false,
  });
  // At a terminal, it is only the status of the last command there.
  if (!process.stdin.isTTY) process.exitCode = exitCode ?? 1;
}
