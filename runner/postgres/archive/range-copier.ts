import { escapeLiteral } from "../session/escape";
import type { ExecTarget } from "../../docker/exec";
import { Failure } from "../../lib/failure";
import type { Compressor } from "./compressor";
import { writeError } from "./dump";
import { openCopySession } from "./copy-session";
import { rowTooLarge } from "./row-too-large";

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

const folderVariable = "POSTGIS_BACKUP_FOLDER";
const endVariable = "POSTGIS_BACKUP_END";

/** What follows the last row of a table in its file. */
const endOfData = "\\.\n\n\n";

export async function openRangeCopier(
  target: ExecTarget,
  { snapshotId, tables, compressor, folder, user }: CopierOptions,
  signal: AbortSignal,
): Promise<RangeCopier> {
  const variables = { [folderVariable]: folder, [endVariable]: endOfData };
  const session = openCopySession(target, { variables, user }, signal);

  async function copyTo(query: string, source: string, file: string): Promise<void> {
    try {
      await session.copy(`(${query})`, "to", `${source}${compressor.command} >"$${folderVariable}/${file}"`);
    } catch (error) {
      throw failure(error, query);
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
    close: () => session.close(),
  };
}

function failure(error: unknown, query = ""): unknown {
  if (!(error instanceof Failure)) return error;
  return (
    writeError(error.message) ??
    rowTooLarge(`${error.message}\n${query}`) ??
    new Failure("dump-failed", `Copying a range of a table failed: ${error.message}`)
  );
}
