import { execa, type Options } from "execa";

/** Runs a step that may take long. Prints its title and then its duration. */
export async function step<T>(title: string, work: () => Promise<T>): Promise<T> {
  const started = performance.now();
  console.error(`• ${title} …`);
  const result = await work();
  console.error(`  done in ${((performance.now() - started) / 1000).toFixed(1)} s`);
  return result;
}

/** Ends the set-up. The message says what the user can do. */
export class SetupError extends Error {}

/** Whether a command succeeds. False if it is not installed. */
export async function succeeds(
  file: string,
  args: readonly string[],
  options: Options = {},
): Promise<boolean> {
  return !(await execa(file, args, { ...options, reject: false })).failed;
}
