import type { StatusLog } from "../grpc/engine";
import type { Operation } from "./provider";

interface Request {
  getUrn(): string;
  getName(): string;
  getTimeout(): number;
}

/** Runs operations that the engine can cancel, all at once, or that run out of the time they were given. */
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
