import { escapeLiteral } from "pg";
import type { ExecTarget } from "../docker/exec";
import { Failure } from "../failure";
import type { Compressor } from "./compressor";
import { writeError } from "./dump";
import { openSession } from "./session";

/** A session that copies ranges of tables, each into a compressed file. */
export interface RangeCopier {
  /** The name of the file is relative to the folder of the copier. */
  copy(query: string, file: string): Promise<void>;
  /** Writes what `pg_dump` writes after the last row of a table. */
  copyEnd(file: string): Promise<void>;
  close(): Promise<void>;
}

export interface CopierOptions {
  readonly snapshotId: string;
  /** Names of all tables that it may copy from, as SQL. */
  readonly tables: readonly string[];
  readonly compressor: Compressor;
  /** Folder in the container. */
  readonly folder: string;
  readonly user: string;
}

/**
 * What `pg_dump` sets because the text of a row depends on it, or because it would end or block a long dump; and what
 * keeps the server from anything but one scan of the pages of the range, in their order.
 */
const settings = [
  "SET row_security = off",
  "SELECT set_config('search_path', '', false)",
  "SET datestyle = 'ISO'",
  "SET intervalstyle = 'postgres'",
  "SET extra_float_digits = 3",
  "SET statement_timeout = 0",
  "SET lock_timeout = 0",
  "SET idle_in_transaction_session_timeout = 0",
  "SET synchronize_seqscans = off",
  "SET enable_seqscan = off",
  "SET max_parallel_workers_per_gather = 0",
  "SET jit = off",
];

/** Variables of the programs, whose command is part of a line of psql's that neither quotes nor escapes get through well. */
const folderVariable = "POSTGIS_BACKUP_FOLDER";
const endVariable = "POSTGIS_BACKUP_END";

/** What follows the last row of a table in its file. */
const endOfData = "\\.\n\n\n";

/** Milliseconds that a session has to end by itself, before its client is killed. */
const graceMilliseconds = 5_000;

export async function openRangeCopier(
  target: ExecTarget,
  { snapshotId, tables, compressor, folder, user }: CopierOptions,
  signal: AbortSignal,
): Promise<RangeCopier> {
  const late = new AbortController();
  const env = { ...target.env, [folderVariable]: folder, [endVariable]: endOfData };
  const session = openSession({ ...target, env }, late.signal, user);
  // Whoever closes its input makes psql cancel its statement, and ends its program with it.
  const end = () => {
    void session.close();
    setTimeout(() => {
      late.abort();
    }, graceMilliseconds).unref();
  };
  if (signal.aborted) end();
  else signal.addEventListener("abort", end, { once: true });

  /** The program's exit status is psql's to check; it never dies by a signal, see {@link execTied}. */
  async function copyTo(query: string, source: string, file: string): Promise<void> {
    const program = `trap "" INT; umask 077; ${source}${compressor.command} >"$${folderVariable}/${file}" || exit 1`;
    try {
      await session.feed([`\\copy (${query}) to program ${escapeLiteral(program)}\n`]);
    } catch (error) {
      throw failure(error);
    }
  }

  try {
    await session.run("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
    await session.run(`SET TRANSACTION SNAPSHOT ${escapeLiteral(snapshotId)}`);
    for (const setting of settings) await session.run(setting);
    // A wait would have no end: whoever is before this session in the queue waits for the one that holds the snapshot.
    await session.run(`LOCK TABLE ONLY ${tables.join(", ONLY ")} IN ACCESS SHARE MODE NOWAIT`);
  } catch (error) {
    await session.close();
    throw failure(error);
  }
  return {
    copy: (query, file) => copyTo(query, "", file),
    copyEnd: (file) => copyTo("SELECT LIMIT 0", `{ cat; printf %s "$${endVariable}"; } | `, file),
    close: async () => {
      signal.removeEventListener("abort", end);
      await session.close();
    },
  };
}

function failure(error: unknown): unknown {
  if (!(error instanceof Failure)) return error;
  return (
    writeError(undefined, error.message) ??
    new Failure("dump-failed", `Copying a range of a table failed: ${error.message}`)
  );
}
