/** What a run tells while it is at work, and how far it is. */
import { setInterval } from "node:timers";
import { formatBytes } from "./format";

export interface Progress {
  /** Tells one line. */
  note(message: string): void;
  /** Tells how many bytes are done, of `total` if that is known or can be expected, until the returned function is called. */
  follow(what: () => string, measure: () => Promise<number>, total?: number): () => void;
}

/** How far a piece of work is. */
export interface Step {
  readonly what: string;
  readonly bytes: number;
  /** Undefined where nobody knows it before the end; never less than `bytes`. */
  readonly total: number | undefined;
  /** Since the work began. */
  readonly seconds: number;
  /** Bytes in the last second. */
  readonly rate: number;
}

/** Where lines and steps are shown. */
export interface Display {
  line(text: string): void;
  step(step: Step): void;
  /** The work of which steps were shown has ended. */
  ended(): void;
}

/** Pause after each measurement, as a multiple of its duration: a folder with thousands of files takes long to measure. */
const restTimes = 20;

export function progressOn(display: Display): Progress {
  return {
    note: (message) => {
      display.line(message);
    },
    follow(what, measure, total) {
      const started = performance.now();
      let last = { bytes: 0, time: started };
      let [busy, stopped] = [false, false];
      let notBefore = 0;
      const timer = setInterval(() => {
        const begun = performance.now();
        if (busy || begun < notBefore) return;
        busy = true;
        void measure().then((bytes) => {
          busy = false;
          if (stopped) return;
          const time = performance.now();
          notBefore = time + (time - begun) * restTimes;
          const rate = Math.max(0, Math.round(((bytes - last.bytes) * 1000) / (time - last.time)));
          const seconds = (time - started) / 1000;
          // An expected size can be wrong; then nobody knows the end.
          const end = total !== undefined && total > 0 && bytes <= total ? total : undefined;
          display.step({ what: what(), bytes, total: end, seconds, rate });
          last = { bytes, time };
        });
      }, 1000);
      return () => {
        if (stopped) return;
        stopped = true;
        clearInterval(timer);
        display.ended();
      };
    },
  };
}

/** Seconds of work before the first line about it, and from one such line to the next. */
interface Pace {
  readonly first: number;
  readonly every: number;
}

/** For a log: whole lines, and about work that takes long a line a minute. */
export function lineDisplay(
  write: (line: string) => void,
  { first, every }: Pace = { first: 10, every: 60 },
): Display {
  let due = first;
  return {
    line: write,
    step(step) {
      if (step.seconds < due) return;
      due = step.seconds + every;
      const { what, rate } = step;
      write(`${what}: ${[...amount(step), `${formatBytes(rate)}/s`, ...timeLeft(step)].join(", ")}`);
    },
    ended() {
      due = first;
    },
  };
}

/** Only warnings, for whoever wants to hear of nothing else. */
export function quietDisplay(write: (line: string) => void): Display {
  return {
    line(text) {
      if (text.startsWith("warning: ")) write(text);
    },
    step: () => undefined,
    ended: () => undefined,
  };
}

/** What is done, such as "29 MB of 545 MB", and its share, where the end is known. */
export function amount({ bytes, total }: Step): string[] {
  if (total === undefined) return [formatBytes(bytes)];
  return [`${formatBytes(bytes)} of ${formatBytes(total)}`, `${Math.floor((100 * bytes) / total)} %`];
}

/** At the rate of the whole work so far, which is steadier than that of the last second. */
export function timeLeft({ bytes, total, seconds }: Step): string[] {
  if (total === undefined || bytes === 0) return [];
  const left = Math.ceil(((total - bytes) * seconds) / bytes);
  const [hours, minutes] = [Math.floor(left / 3600), Math.floor((left % 3600) / 60)];
  if (hours > 0) return [`${hours} h ${minutes} min left`];
  return [minutes > 0 ? `${minutes} min ${left % 60} s left` : `${left} s left`];
}
