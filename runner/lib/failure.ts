/**
 * Errors that are no bug of this program. The codes are stable, because scripts and alarms may depend on them.
 * `docs/errors.md` gives the cause of each and what to do.
 */
export const failureCodes = [
  // usage
  "usage",
  "interrupted",
  "output-not-written",
  // Docker
  "docker-missing",
  "docker-unreachable",
  "docker-failed",
  "image-missing",
  "container-not-found",
  "container-not-running",
  "container-lost",
  // creating a container
  "image-not-available",
  "image-unsuitable",
  "data-unsuitable",
  "settings-refused",
  "network-unsuitable",
  "init-script-not-readable",
  "container-name-taken",
  "volume-not-owned",
  "volume-not-kept",
  "port-in-use",
  "address-invalid",
  "server-not-ready",
  "password-not-set",
  // server
  "server-not-found",
  "connection-refused",
  "server-error",
  "pg-dump-too-old",
  "compression-unsupported",
  // selection
  "table-name-invalid",
  "table-not-found",
  "not-a-table",
  "nothing-selected",
  "privilege-missing",
  "reference-outside-selection",
  "not-carried",
  "logical-foreign-key-invalid",
  "orphans-over-limit",
  "lock-timeout",
  "tables-changing",
  "standby-conflict",
  // repository
  "folder-not-writable",
  "folder-not-readable",
  "folder-not-mounted",
  "space-insufficient",
  "backup-in-progress",
  // S3
  "bucket-not-found",
  "s3-denied",
  "s3-unreachable",
  "s3-failed",
  "s3-unsupported",
  "upload-failed",
  // archive
  "dump-failed",
  "row-too-large",
  "archive-incomplete",
  "checksum-mismatch",
  "manifest-unreadable",
  "script-unsafe",
  "restore-failed",
  "restore-mismatch",
  "tar-invalid",
  // restore
  "restore-in-progress",
  "table-exists",
  "requirement-missing",
  "dependent-object",
  "database-in-use",
  // migration
  "migration-in-progress",
  "port-not-switchable",
  "left-behind",
  "already-migrated",
  "old-server-needed",
  // backups of a name
  "backup-not-found",
  "backup-exists",
  "backup-too-small",
  // agent
  "hook-failed",
  "run-died",
  "agent-not-ready",
] as const;
export type FailureCode = (typeof failureCodes)[number];

/**
 * An error that the user can act on. Its message says what is wrong, where, and what to do. It is printed
 * without a stack trace. Any other error is a bug of this program.
 */
export class Failure extends Error {
  override readonly name = "Failure";
  constructor(
    readonly code: FailureCode,
    message: string,
  ) {
    super(message);
  }

  /** The text for the user: `error[code]: message`. */
  describe(): string {
    return `error[${this.code}]: ${this.message}`;
  }
}

/** Runs independent steps and collects their failures, so that the user gets all of them at once. */
export class Attempts {
  private readonly failures: Failure[] = [];

  /** The result of the step, or undefined if it failed. */
  async run<T>(step: () => T | Promise<T>): Promise<T | undefined> {
    try {
      return await step();
    } catch (error) {
      this.keep(error);
      return undefined;
    }
  }

  runSync<T>(step: () => T): T | undefined {
    try {
      return step();
    } catch (error) {
      this.keep(error);
      return undefined;
    }
  }

  add(failure: Failure): void {
    this.failures.push(failure);
  }

  /** Throws all collected failures, if there are any. */
  end(): void {
    if (this.failures.length > 0) throw this.failure();
  }

  /** All collected failures as one. */
  failure(): Failure {
    return new Failures(this.failures);
  }

  private keep(error: unknown): void {
    if (!(error instanceof Failure)) throw error;
    // Steps that need the same thing fail for the same reason.
    for (const failure of error instanceof Failures ? error.found : [error])
      if (!this.failures.some((one) => one.describe() === failure.describe())) this.failures.push(failure);
  }
}

/** Several failures in one. If the user got them one at a time, each would cost a run. */
export class Failures extends Failure {
  constructor(readonly found: readonly Failure[]) {
    super(found[0]?.code ?? "usage", found.map(({ message }) => message).join("\n"));
  }

  static throwIfAny(found: readonly Failure[]): void {
    if (found.length > 0) throw new Failures(found);
  }

  override describe(): string {
    return this.found.map((failure) => failure.describe()).join("\n");
  }
}
