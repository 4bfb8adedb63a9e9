import { filesize } from "filesize";

/** Tells the user how the work goes: on standard error, in whole lines, because a log keeps every one of them. */
export interface Progress {
  /** Something worth a line of its own. */
  note(message: string): void;
  /** Follows a quantity of bytes, at most a line a second, until the returned function is called. */
  follow(what: () => string, measure: () => Promise<number>): () => void;
}

export const formatBytes = (bytes: number): string => filesize(bytes, { standard: "si" });

export function progressTo(write: (line: string) => void): Progress {
  return {
    note: write,
    follow(what, measure) {
      let last = { bytes: 0, time: performance.now() };
      let busy = false;
      const timer = setInterval(() => {
        if (busy) return;
        busy = true;
        void measure().then((bytes) => {
          const time = performance.now();
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
