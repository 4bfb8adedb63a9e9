import assert from "node:assert/strict";
import { setTimeout } from "node:timers/promises";
import { progressTo } from "../../../runner/lib/progress";

describe("progress", () => {
  it("is at most a line a second, with table, bytes and rate, and ends when it is stopped", async () => {
    const lines: string[] = [];
    const progress = progressTo((line) => lines.push(line));
    let bytes = 0;
    const stop = progress.follow(
      () => "public.a, public.b",
      () => Promise.resolve((bytes += 5_000_000)),
    );
    await setTimeout(2300);
    stop();
    await setTimeout(1200);
    assert.equal(lines.length, 2);
    assert.match(lines[0] ?? "", /^public\.a, public\.b: 5 MB written, \d+(\.\d+)? MB\/s$/);
    assert.match(lines[1] ?? "", /: 10 MB written, /);
  });
});
