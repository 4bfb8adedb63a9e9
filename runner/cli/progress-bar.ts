/** Progress on a terminal: lines, and below them a bar while there is work of which the end can be told. */
import type { WriteStream } from "node:tty";
import type * as cliProgress from "cli-progress";
import { formatBytes, printable } from "../lib/format";
import { amount, type Display, type Step, timeLeft } from "../lib/progress";

/** Columns of the bar itself. */
const barWidth = 24;

export function barDisplay(terminal: WriteStream, write: (line: string) => void): Display {
  let bar: cliProgress.SingleBar | undefined;
  // Only a bar that nothing was written below of can be cleared: for each line it is taken away, and the next step brings it back.
  const clear = () => {
    bar?.stop();
    bar = undefined;
  };
  return {
    line(text) {
      clear();
      write(text);
    },
    step(step) {
      bar ??= begin(terminal, step);
      bar.update(step.bytes, { step });
    },
    ended: clear,
  };
}

function begin(terminal: WriteStream, step: Step): cliProgress.SingleBar {
  const bar = new (library().SingleBar)({
    stream: terminal,
    format: (_, { progress }, payload) => inOneLine((payload as { step: Step }).step, progress),
    clearOnComplete: true,
    // A line that is too long is cut by the library. To turn wrapping off in the terminal would outlive a run that is killed.
    linewrap: true,
  });
  bar.start(step.total ?? 0, step.bytes, { step });
  return bar;
}

function inOneLine(step: Step, share: number): string {
  const done = Math.round(share * barWidth);
  const bar = step.total === undefined ? [] : [`[${"=".repeat(done)}${" ".repeat(barWidth - done)}]`];
  return [
    ...bar,
    ...amount(step),
    `${formatBytes(step.rate)}/s`,
    ...timeLeft(step),
    printable(step.what),
  ].join("  ");
}

/** Loaded only when needed, because most runs have no terminal. */
function library() {
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- an import of this module loads it always
  return require("cli-progress") as typeof cliProgress;
}
