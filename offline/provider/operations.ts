import type { StatusLog } from "../grpc/engine";
import type { Operation } from "./provider";

interface Request {
  getUrn(): string;
  getName(): string;
  getTimeout(): number;
}

/** Runs operations. The engine can cancel all of them at once, and each can have a time limit. */
export class Operations {
  readonly #cancelled = new AbortController();

  constructor(
    private readonly log: StatusLog,
    private readonly defaultTimeoutSeconds: number | undefined,
  ) {}

  start(request: Request): Operation {
    const urn = request.getUrn();
    const seconds = request.getTimeout() || this.defaultTimeoutSeconds;
    const signals = [this.#cancelled.signal];
    if (seconds !== undefined) signals.push(AbortSignal.timeout(seconds * 1000));
    return {
      urn,
      name: request.getName(),
      signal: AbortSignal.any(signals),
      log: (message) => this.log(urn, message),
    };
  }

  cancel(): void {
    this.#cancelled.abort();
  }
}
