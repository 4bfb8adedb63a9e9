import { formatBytes } from "./format";

/** Reports progress on standard error, in whole lines, so that it reads well in a log. */
export interface Progress {
  /** Prints one line. */
  note(message: string): void;
  /** Prints a number of bytes and its rate, at most once a second, until the returned function is called. */
  follow(what: () => string, measure: () => Promise<number>): () => void;
}

/** Pause after each measurement, as a multiple of its duration: a folder with thousands of files takes long to measure. */
const restTimes = 20;

export function progressTo(write: (line: string) => void): Progress {
  return {
    note: write,
    follow(what, measure) {
      let last = { bytes: 0, time: performance.now() };
      let busy = false;
      let notBefore = 0;
      const timer = setInterval(() => {
        const begun = performance.now();
        if (busy || begun < notBefore) return;
        busy = true;
        void measure().then((bytes) => {
          const time = performance.now();
          notBefore = time + (time - begun) * restTimes;
          const rate = (bytes - last.bytes) / ((time - last.time) / 1000);
          write(`${what()}: ${formatBytes(bytes)} written, ${formatBytes(Math.round(rate))}/s`);
          last = { bytes, time };
          busy = false;
        });
      }, 1000);
      return () => {
        clearInterval(timer);
      };
    },
  };
}
