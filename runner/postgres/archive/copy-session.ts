import { quote } from "shell-quote";
import type { ExecTarget } from "../../docker/exec";
import { escapeLiteral } from "../session/escape";
import { openSession, type Session } from "../session/session";

/** A session that copies rows from a table to a script in the container, or from a script to a table. */
interface CopySession extends Pick<Session, "run" | "close"> {
  /** The subject is a table, or a query in parentheses. The words are the script's arguments. */
  copy(subject: string, direction: "from" | "to", words: readonly string[]): Promise<void>;
}

interface CopySessionOptions {
  /** A script that works in a folder, and that exits with 1 whatever goes wrong: see {@link streamTied}. */
  readonly script: string;
  readonly folder: string;
  /** The user of the operating system. */
  readonly user: string;
}

/** The script and the folder are variables, because psql's `\copy` is one line and has rules of its own for quotes. */
const scriptVariable = "POSTGIS_BACKUP_SCRIPT";
const folderVariable = "POSTGIS_BACKUP_FOLDER";

/** After so many milliseconds, the client of a session that has not ended is killed. */
const graceMilliseconds = 5_000;

/** When the signal aborts it, it ends in the middle of a copy, and its script with it. */
export function openCopySession(
  target: ExecTarget,
  { script, folder, user }: CopySessionOptions,
  signal: AbortSignal,
): CopySession {
  const late = new AbortController();
  const variables = { [scriptVariable]: script, [folderVariable]: folder };
  const session = openSession({ ...target, env: { ...target.env, ...variables } }, late.signal, user);
  // When its input is closed, psql cancels its statement, and ends the script with it.
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
    copy: (subject, direction, words) => {
      // The signals that end the session are not for the script: psql may be gone, and the server restarts where an orphan dies by one.
      const program = `trap "" INT USR1 TERM; exec sh -c "$${scriptVariable}" sh ${quote([...words])}`;
      return session.feed([`\\copy ${subject} ${direction} program ${escapeLiteral(program)}\n`]);
    },
    close: async () => {
      signal.removeEventListener("abort", end);
      await session.close();
    },
  };
}
