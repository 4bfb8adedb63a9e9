import { escapeLiteral } from "../session/escape";
import type { ExecTarget } from "../../docker/exec";
import { openSession, type Session } from "../session/session";

/** A session that copies rows from a table to a program in the container, or from one to a table. */
export interface CopySession extends Pick<Session, "run" | "close"> {
  /** The subject is a table or a query in parentheses; the program, a shell's command, has the variables of the session. */
  copy(subject: string, direction: "from" | "to", program: string): Promise<void>;
}

export interface CopySessionOptions {
  /** Of the programs, for what neither quotes nor escapes get through psql's line well. */
  readonly variables: Readonly<Record<string, string>>;
  /** Of the operating system. */
  readonly user: string;
}

/** Milliseconds that a session has to end by itself, before its client is killed. */
const graceMilliseconds = 5_000;

/** When the signal says so, it ends in the middle of what it copies, and its programs with it. */
export function openCopySession(
  target: ExecTarget,
  { variables, user }: CopySessionOptions,
  signal: AbortSignal,
): CopySession {
  const late = new AbortController();
  const session = openSession({ ...target, env: { ...target.env, ...variables } }, late.signal, user);
  // Whoever closes its input makes psql cancel its statement, and ends its program with it.
  const end = () => {
    void session.close();
    setTimeout(() => {
      late.abort();
    }, graceMilliseconds).unref();
  };
  if (signal.aborted) end();
  else signal.addEventListener("abort", end, { once: true });
  return {
    run: (statement) => session.run(statement),
    /** The program's exit status is psql's to check; it never dies by a signal, see {@link streamTied}. */
    copy: (subject, direction, program) => {
      const command = escapeLiteral(`trap "" INT; umask 077; ${program} || exit 1`);
      return session.feed([`\\copy ${subject} ${direction} program ${command}\n`]);
    },
    close: async () => {
      signal.removeEventListener("abort", end);
      await session.close();
    },
  };
}
