import assert from "node:assert/strict";
import { setTimeout } from "node:timers/promises";
import { type Display, lineDisplay, progressOn, quietDisplay, type Step } from "../../../runner/lib/progress";

const step = (given: Partial<Step>): Step => ({
  what: "archive.dump",
  bytes: 0,
  total: 600_000_000,
  seconds: 10,
  rate: 5_000_000,
  ...given,
});

function shown(make: (write: (line: string) => void) => Display, act: (display: Display) => void): string[] {
  const lines: string[] = [];
  act(make((line) => lines.push(line)));
  return lines;
}

describe("progress", () => {
  it("is measured once a second, and ends when it is stopped", async () => {
    const steps: Step[] = [];
    let ends = 0;
    const progress = progressOn({
      line: () => undefined,
      step: (one) => steps.push(one),
      ended: () => ends++,
    });
    let bytes = 0;
    const stop = progress.follow(
      () => "public.a, public.b",
      () => Promise.resolve((bytes += 5_000_000)),
      20_000_000,
    );
    await setTimeout(2300);
    stop();
    stop();
    await setTimeout(1200);
    assert.deepEqual(
      steps.map(({ what, bytes, total }) => ({ what, bytes, total })),
      [5_000_000, 10_000_000].map((bytes) => ({ what: "public.a, public.b", bytes, total: 20_000_000 })),
    );
    assert.ok(steps.every(({ rate }) => rate > 3_000_000 && rate < 6_000_000));
    assert.equal(ends, 1);
  });

  it("shows nothing of a measurement that comes after the end", async () => {
    let steps = 0;
    const progress = progressOn({ line: () => undefined, step: () => steps++, ended: () => undefined });
    const stop = progress.follow(
      () => "slow",
      () => setTimeout(500, 1),
    );
    await setTimeout(1200);
    stop();
    await setTimeout(600);
    assert.equal(steps, 0);
  });

  it("is in a log a line after 10 seconds, and then a line a minute, for each piece of work", () => {
    const lines = shown(lineDisplay, (display) => {
      for (let seconds = 1; seconds <= 140; seconds++)
        display.step(step({ seconds, bytes: seconds * 4_000_000 }));
      display.ended();
      for (let seconds = 1; seconds <= 10; seconds++) display.step(step({ seconds, total: undefined }));
    });
    assert.deepEqual(lines, [
      "archive.dump: 40 MB of 600 MB, 6 %, 5 MB/s, 2 min 20 s left",
      "archive.dump: 280 MB of 600 MB, 46 %, 5 MB/s, 1 min 20 s left",
      "archive.dump: 520 MB of 600 MB, 86 %, 5 MB/s, 20 s left",
      "archive.dump: 0 B, 5 MB/s",
    ]);
  });

  it("tells no end where more is done than was expected", async () => {
    const lines: string[] = [];
    const progress = progressOn(lineDisplay((line) => lines.push(line), { first: 0.5, every: 60 }));
    const stop = progress.follow(
      () => "archive.dump",
      () => Promise.resolve(7_000_000),
      6_000_000,
    );
    await setTimeout(1200);
    stop();
    assert.match(lines.join(), /^archive\.dump: 7 MB, [67][\d.]* MB\/s$/);
  });

  it("tells hours, where it takes hours", () => {
    const [line = ""] = shown(lineDisplay, (display) => {
      display.step(step({ bytes: 600_000 }));
    });
    assert.match(line, /, 0 %, 5 MB\/s, 2 h 46 min left$/);
  });

  it("is warnings alone, where it is to be quiet", () => {
    const lines = shown(quietDisplay, (display) => {
      display.line("Reading the backup to its end.");
      display.line("warning: Backup x was not removed: it is locked.");
      display.step(step({}));
      display.ended();
    });
    assert.deepEqual(lines, ["warning: Backup x was not removed: it is locked."]);
  });
});
