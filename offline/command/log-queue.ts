import type { Operation } from "../provider/provider";
import { Lines } from "./lines";

/** Logs lines in their original order, one at a time. */
export class LogQueue {
  readonly #lines = new Lines();
  #sent: Promise<unknown> = Promise.resolve();

  constructor(private readonly log: Operation["log"]) {}

  push(chunk: Buffer): void {
    this.#send(this.#lines.push(chunk));
  }

  async end(): Promise<void> {
    this.#send(this.#lines.end());
    await this.#sent;
  }

  #send(lines: string[]): void {
    for (const line of lines) {
      // As in the official provider, a line that cannot be shown does not fail the command.
      this.#sent = this.#sent.then(() => this.log(line)).catch(() => undefined);
    }
  }
}
