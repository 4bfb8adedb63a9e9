/** A real terminal for a program, and what somebody would see on it. */
import { quote } from "shell-quote";
import { execa } from "execa";

interface Seen {
  readonly exitCode: number | undefined;
  /** All that was written. */
  readonly written: string;
  /** The lines that are left in the end. */
  readonly lines: readonly string[];
}

/** Gives a program a terminal, and reads what it writes there until the last process has closed it. */
const terminal = `
import os, pty, sys
sys.exit(os.waitstatus_to_exitcode(pty.spawn(["sh", "-c", sys.argv[1]])))`;

/** Runs a shell command on a terminal of 100 columns. Not by `script`: on a loaded machine it misses the last output. */
export async function onTerminal(command: string, env: Readonly<Record<string, string>> = {}): Promise<Seen> {
  const shell = `stty cols 100 rows 30; ${command}`;
  const { exitCode, stdout } = await execa("python3", ["-c", terminal, shell], {
    // A program that knows by CI that nobody looks shows no colours.
    env: { TERM: "xterm-256color", CI: undefined, NO_COLOR: undefined, FORCE_COLOR: undefined, ...env },
    reject: false,
    stdin: "ignore",
  });
  return { exitCode, written: stdout, lines: screen(stdout) };
}

/** The words of a command, quoted for the shell. */
export const words = (...args: readonly string[]): string => quote(args);

/** Knows what the program writes: lines, and a cursor that goes to a column, and clears the line or the rest of it. */
function screen(written: string): string[] {
  const lines: string[] = [""];
  let column = 0;
  for (const [piece, , count, action] of written.matchAll(/(\x1b\[(\d*)([A-Za-z])|\x1b[78]|[^])/g)) {
    const line = lines.at(-1) ?? "";
    const put = (text: string) => (lines[lines.length - 1] = text);
    if (piece === "\n") lines.push("");
    else if (piece === "\r") column = 0;
    else if (action === "G") column = Number(count) - 1;
    else if (action === "K") put(count === "2" ? "" : line.slice(0, column));
    else if (!piece.startsWith("\x1b")) {
      put(line.padEnd(column).slice(0, column) + piece + line.slice(column + 1));
      column++;
    }
  }
  return lines.filter((line) => line !== "");
}
