import assert from "node:assert/strict";
import { settleAfterAbort } from "../../../runner/lib/concurrency";

describe("work that is told to end", () => {
  const never = () => new Promise<string>(() => undefined);
  const later = (milliseconds: number) =>
    new Promise<string>((resolve) => setTimeout(resolve, milliseconds, "done"));

  it("gives its result when nobody interrupts it, however long it takes", async () => {
    assert.equal(await settleAfterAbort(later(60), new AbortController().signal, 5), "done");
  });

  it("gives its own outcome when it ends within the grace", async () => {
    const aborted = AbortSignal.abort(new Error("interrupted"));
    assert.equal(await settleAfterAbort(later(10), aborted, 1000), "done");
    await assert.rejects(settleAfterAbort(Promise.reject(new Error("own")), aborted, 1000), /own/);
  });

  it("fails with the reason of the abort when it hangs", async () => {
    const controller = new AbortController();
    const outcome = settleAfterAbort(never(), controller.signal, 20);
    controller.abort(new Error("interrupted"));
    await assert.rejects(outcome, /interrupted/);
  });
});
