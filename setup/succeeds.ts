import { execa, type Options } from "execa";

/** Whether a command succeeds; one that is not on this machine does not. */
export async function succeeds(
  file: string,
  args: readonly string[],
  options: Options = {},
): Promise<boolean> {
  return !(await execa(file, args, { ...options, reject: false })).failed;
}
