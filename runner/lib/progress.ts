import { filesize } from "filesize";

/** Tells the user how the work goes: on standard error, in whole lines, because a log keeps every one of them. */
export interface Progress {
  /** Something worth a line of its own. */
  note(message: string): void;
  /** Follows a quantity of bytes, at most a line a second, until the returned function is called. */
  follow(what: () => string, measure: () => Promise<number>): () => void;
}

export const formatBytes = (bytes: number): string => filesize(bytes, { standard: "si" });

/** A folder of thousands of files takes long to measure; what is written there needs the processor more. */
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
