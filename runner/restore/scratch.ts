/**
 * A database of the target server in which the definitions of a backup are run, and the tables renamed by the server
 * itself: no SQL is taken apart. What pg_dump of the target makes of it fits the target, and goes to staging schemas.
 */
import path from "node:path";
import { Readable } from "node:stream";
import { escapeIdentifier } from "../postgres/escape";
import { z } from "zod";
import { callerIds, execTied } from "../docker/exec";
import { createDatabase } from "../postgres/restore";
import { endedWith, errorLines } from "../postgres/server";
import { openSession, type Session } from "../postgres/session";
import { prepareFile } from "../restore-command";
import { readChecked, recordedFile } from "../store/seal";
import { holdsRows } from "./entries";
import { feedPsql, restoreFailure } from "./feed";
import type { Reader } from "./reader";
import { inDatabase, type RestoreRun } from "./run";
import { definitionsOf } from "./statements";

/** Where pg_dump writes the definitions for the staging schemas, in the target's container. */
export const stagedArchive = ({ names }: RestoreRun): string => path.posix.join(names.workFolder, "archive");

/** Does some work in a scratch database that has all definitions of the backup; it is gone afterwards. */
export async function withScratch<T>(
  run: RestoreRun,
  reader: Reader,
  work: (session: Session) => Promise<T>,
): Promise<T> {
  const { session, names, facts, target, signal } = run;
  const known = await session.rows(
    "SELECT lower(name) AS name FROM pg_settings",
    z.object({ name: z.string() }),
  );
  const settings = new Set(known.map(({ name }) => name));
  const prepare = readChecked(run.files, recordedFile(run.manifest, prepareFile));
  const preparation = await whole(
    definitionsOf(prepare, { name: prepareFile, settings, withoutKeys: [], settingsAnywhere: true }),
  );
  const archived = reader.script(
    reader.entries.filter((entry) => !holdsRows(entry)),
    signal,
  );
  const { acceptedReferences: withoutKeys } = run.manifest;
  const definitions = await whole(definitionsOf(archived, { name: "The archive", settings, withoutKeys }));
  // Both have been looked at by now, to their ends, before anything of them is run.
  await createDatabase(session, names.scratch, facts);
  const scratch = inDatabase(target, names.scratch);
  await feedPsql(scratch, prepareFile, preparation, signal);
  await feedPsql(scratch, "definitions", definitions, signal);
  const inScratch = openSession(scratch, signal);
  try {
    return await work(inScratch);
  } finally {
    await inScratch.close();
    if (!signal.aborted) await session.run(`DROP DATABASE ${escapeIdentifier(names.scratch)}`);
  }
}

async function whole(script: AsyncIterable<string>): Promise<AsyncIterable<string>> {
  const pieces: string[] = [];
  for await (const piece of script) pieces.push(piece);
  return Readable.from(pieces);
}

/** The definitions in the staging schemas, as an archive for the target. */
export async function dumpStaging(run: RestoreRun): Promise<void> {
  const { target, names, signal } = run;
  const command = [
    ...["pg_dump", "--no-password", "--format=directory", "--no-sync"],
    ...[`--schema=${names.stagePrefix}*`, `--file=${stagedArchive(run)}`],
  ];
  const { failed, stderr, exitCode } = await execTied(inDatabase(target, names.scratch), command, signal, {
    user: callerIds(),
    reject: false,
  });
  signal.throwIfAborted();
  if (failed) throw restoreFailure("pg_dump", errorLines(stderr) || endedWith(exitCode));
}
