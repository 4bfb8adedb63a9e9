import { setImmediate } from "node:timers/promises";
import type { Clock } from "../../runner/agent/scheduler";

/** A clock whose hours pass as fast as the code that waits for it allows. */
export class SimulatedClock implements Clock {
  private time: number;
  private readonly sleepers = new Set<{ readonly until: number; readonly wake: () => void }>();

  constructor(start: string) {
    this.time = Date.parse(start);
  }

  now(): Date {
    return new Date(this.time);
  }

  sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted === true) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = () => {
        signal?.removeEventListener("abort", wake);
        this.sleepers.delete(sleeper);
        resolve();
      };
      const sleeper = { until: this.time + milliseconds, wake };
      this.sleepers.add(sleeper);
      signal?.addEventListener("abort", wake);
    });
  }

  /** The machine sleeps until then: what waits for an earlier time wakes up late. */
  jump(to: string): void {
    this.time = Date.parse(to);
  }

  /** Lets time pass, from one end of a wait to the next. */
  async advance(until: string): Promise<void> {
    const end = Date.parse(until);
    for (;;) {
      // All that can go on without time does.
      await setImmediate();
      let [first] = this.sleepers;
      for (const sleeper of this.sleepers)
        if (first !== undefined && sleeper.until < first.until) first = sleeper;
      if (first === undefined || first.until > end) break;
      this.time = Math.max(this.time, first.until);
      first.wake();
    }
    this.time = end;
  }
}
