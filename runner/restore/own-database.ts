/** The target database of a restore that is to create it. If the restore fails, the database goes again, unless somebody uses it by then. */
import { z } from "zod";
import type { Inspection } from "../docker/container";
import type { Docker } from "../docker/docker";
import type { ExecTarget } from "../docker/exec";
import { Failure } from "../lib/failure";
import type { Progress } from "../lib/progress";
import { createDatabase } from "../postgres/archive/restore";
import { connectServer } from "../postgres/session/connect";
import { escapeIdentifier, escapeLiteral } from "../postgres/session/escape";
import { inDatabase } from "../postgres/session/server";
import { inSession, type Session, SqlError } from "../postgres/session/session";
import type { Manifest } from "../repository/manifest";
import type { RestoreRequest } from "../request";
import { countObjects } from "./record";

export interface OwnDatabase {
  /** Removes it, if nothing is in it and nobody is connected to it. */
  discard(): Promise<void>;
}

/** https://www.postgresql.org/docs/current/errcodes-appendix.html: duplicate_database */
const exists = "42P04";

/** The removal takes at most this long, so that the process ends. */
const discardMilliseconds = 10_000;

/** Creates the database that the request names, with the encoding and the locale of the backup's; undefined if it exists. */
export async function makeDatabase(
  docker: Docker,
  container: Inspection,
  request: RestoreRequest,
  { source }: Manifest,
  applicationName: string,
  progress: Progress,
  signal: AbortSignal,
): Promise<OwnDatabase | undefined> {
  const { database, user } = request;
  const connect = (maintenance: string) =>
    connectServer(docker, container, { user, database: maintenance }, applicationName, signal);
  const { session, target } = await connect("postgres").catch(() => connect("template1"));
  try {
    const isThere = await session.rows(
      `SELECT datname AS name FROM pg_database WHERE datname = ${escapeLiteral(database)}`,
      z.object({ name: z.string() }),
    );
    if (isThere.length > 0) return undefined;
    await createDatabase(session, database, source);
  } catch (error) {
    if (!(error instanceof SqlError)) throw error;
    if (error.sqlState === exists) return undefined;
    throw new Failure(
      "requirement-missing",
      `Database "${database}" cannot be created with the encoding ${source.encoding} and the locale ${source.locale ?? source.lcCollate}, ` +
        `which that of the backup had. ${error.message}. Create it yourself, and restore without --create-database.`,
    );
  } finally {
    await session.close();
  }
  progress.note(`Database "${database}" is created.`);
  return { discard: () => discard(target, database, progress) };
}

async function discard(target: ExecTarget, database: string, progress: Progress): Promise<void> {
  const timeout = AbortSignal.timeout(discardMilliseconds);
  try {
    const objects = await inSession(inDatabase(target, database), timeout, countObjects);
    if (objects > 0) throw new Failure("server-error", `It has ${objects} objects.`);
    await inSession(target, timeout, (session: Session) =>
      session.run(`DROP DATABASE ${escapeIdentifier(database)}`),
    );
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    progress.note(`warning: Database "${database}", which this restore created, is left there. ${why}`);
  }
}
