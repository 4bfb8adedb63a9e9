/**
 * What can go wrong through no defect of this program. The codes are stable: scripts and alarms may depend on them.
 * `docs/errors.md` gives cause and remedy of each.
 */
export const failureCodes = [
  // usage
  "usage",
  "interrupted",
  // Docker
  "docker-missing",
  "docker-unreachable",
  "docker-failed",
  "container-not-found",
  "container-not-running",
  "container-lost",
  // creating a container
  "container-name-taken",
  "port-in-use",
  "address-invalid",
  "server-not-ready",
  "password-not-set",
  // server
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
  "relation-invalid",
  "orphans-over-limit",
  "lock-timeout",
  "tables-changing",
  // destination
  "directory-not-writable",
  "directory-not-readable",
  "directory-not-mounted",
  "space-insufficient",
  "backup-in-progress",
  // archive
  "dump-failed",
  "archive-incomplete",
  "checksum-mismatch",
  "manifest-unreadable",
  "restore-failed",
  "restore-mismatch",
  // series of backups
  "backup-not-found",
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

/** Several failures found at once; the user gets all of them, because one at a time costs a run each. */
export class Failures extends Failure {
  private constructor(private readonly found: readonly Failure[]) {
    super(found[0]?.code ?? "usage", found.map(({ message }) => message).join("\n"));
  }

  override describe(): string {
    return this.found.map((failure) => failure.describe()).join("\n");
  }

  /** Throws when there is at least one. */
  static throwIfAny(found: readonly Failure[]): void {
    if (found.length === 1) throw found[0] as Failure;
    if (found.length > 1) throw new Failures(found);
  }
}
