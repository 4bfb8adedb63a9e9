/**
 * What can go wrong through no defect of this program. The codes are stable: scripts and alarms may depend on them.
 * `docs/errors.md` gives cause and remedy of each.
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
  // destination
  "directory-not-writable",
  "directory-not-readable",
  "directory-not-mounted",
  "space-insufficient",
  "backup-in-progress",
  // S3
  "bucket-not-found",
  "s3-denied",
  "s3-unreachable",
  "s3-failed",
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
  // migration
  "migration-in-progress",
  "port-not-switchable",
  "left-behind",
  "already-migrated",
  "old-server-needed",
  // series of backups
  "backup-not-found",
  "backup-exists",
  "backup-too-small",
] as const;
export type FailureCode = (typeof failureCodes)[number];

/**
 * A failure that the user can act on. Its message says what is wrong, where, and what to do; it is printed
 * without a stack trace. Any other error is a defect of this program.
 */
export class Failure extends Error {
  override readonly name = "Failure";
  constructor(
    readonly code: FailureCode,
    message: string,
  ) {
    super(message);
  }

  /** As the user sees it: `error[code]: message`. */
  describe(): string {
    return `error[${this.code}]: ${this.message}`;
  }
}

/** Runs steps that do not depend on each other, and keeps what fails for one message. */
export class Attempts {
  private readonly failures: Failure[] = [];

  /** The step's result; undefined where it failed. */
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

  /** Throws all that failed, if anything did. */
  end(): void {
    if (this.failures.length > 0) throw this.failure();
  }

  /** All that failed, as one. */
  failure(): Failure {
    return new Failures(this.failures);
  }

  private keep(error: unknown): void {
    if (error instanceof Failures) this.failures.push(...error.found);
    else if (error instanceof Failure) this.failures.push(error);
    else throw error;
  }
}

/** Several failures found at once; the user gets all of them, because one at a time costs a run each. */
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
