/**
 * Output of a process in a container that arrives whole, or fails. Two seconds after an exec'd process has ended, the
 * Docker daemon drops what its client has not read yet, and the exit status stays 0 (`StreamConfig.Wait` in
 * daemon/monitor.go of moby, and issue 53614 there). A reader that pauses for longer, for a slow bucket or while an index is
 * built, would take the beginning for the whole output. So the shell around a process that succeeded writes a mark after
 * the output, and stays until it hears that the mark has arrived.
 */
import type { ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { Transform } from "node:stream";
import { Failure } from "../lib/failure";

interface WholeOutput {
  /** What the shell writes after the output. */
  readonly mark: string;
  /** Removes the mark. */
  readonly output: Transform;
  /** Fails the output if this client succeeds without a mark; calls `onMark` when the mark has arrived. */
  readonly follow: (client: ChildProcess, onMark: () => void) => void;
}

export function wholeOutput(): WholeOutput {
  const mark = randomBytes(16).toString("hex");
  /** The last bytes, which may be the mark. */
  let held: Buffer = Buffer.alloc(0);
  let whole = false;
  let onWhole = () => {};
  let exitCode = Promise.resolve<unknown>(undefined);
  const output = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      const waiting = chunk.length < mark.length ? Buffer.concat([held, chunk]) : chunk;
      if (waiting === chunk) this.push(held);
      const end = Math.max(0, waiting.length - mark.length);
      this.push(waiting.subarray(0, end));
      held = waiting.subarray(end);
      whole = held.toString("latin1") === mark;
      if (whole) onWhole();
      done();
    },
    flush(done) {
      if (!whole) this.push(held);
      void exitCode.then((code) => {
        done(whole || code !== 0 ? null : cutOff());
      });
    },
  });
  return {
    mark,
    output,
    follow(client, onMark) {
      onWhole = onMark;
      // If the client cannot be started, whoever awaits it gets the error.
      exitCode = once(client, "exit").then(
        ([code]: unknown[]) => code,
        () => undefined,
      );
    },
  };
}

const cutOff = () =>
  new Failure(
    "docker-failed",
    "The Docker daemon dropped the end of what a process in the container wrote. Try again; if it happens again, see whether the machine is overloaded.",
  );

/** The result of a client; throws if its output was cut off. */
export function wholeOr<T extends { readonly cause?: unknown }>(result: T): T {
  if (result.cause instanceof Failure) throw result.cause;
  return result;
}
