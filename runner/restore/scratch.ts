/**
 * A database of the target server in which the definitions of a backup are run, and the tables renamed by the server
 * itself: no SQL is taken apart. What pg_dump of the target makes of it fits the target.
 */
import path from "node:path";
import { Readable } from "node:stream";
import { escapeIdentifier } from "../postgres/session/escape";
import { dockerFailure, spawnDocker } from "../docker/docker";
import { callerIds, execArguments, type ExecTarget, runTied } from "../docker/exec";
import { Failure, Failures } from "../lib/failure";
import { createDatabase, readLocale } from "../postgres/archive/restore";
import { endedWith, errorLines, withEnv } from "../postgres/session/server";
import { openSession, type Session } from "../postgres/session/session";
import { asDirectory, readToc, type TocEntry, withSearchPath } from "../postgres/archive/toc";
import { readChecked, recordedFile } from "../repository/checksums";
import { holdsRows } from "./entries";
import { feedPsql, restoreFailure } from "./feed";
import type { Reader } from "./reader";
import { inDatabase, type RestoreRun } from "./run";
import { accessMethodMissing, noteTablespaces, serverNames } from "./server-names";
import { definitionsOf } from "./statements";
import { giveSearchPath, noSearchPath } from "../postgres/catalog/unqualified";
import { afterTablesFile, prepareFile } from "../repository/layout";
/** Where the definitions for the target are, in its container. */
export const stagedArchive = ({ names }: RestoreRun): string => path.posix.join(names.workFolder, "archive");

/** A scratch database that has all definitions of the backup. */
export interface Scratch {
  readonly session: Session;
  /** Functions that were given a search path, so that they can be called; as a table of contents numbers them. */
  readonly unqualified: readonly string[];
}

/** Does some work in a scratch database, and then some with what came of it, while the database is dropped. */
export async function withScratch<T, R>(
  run: RestoreRun,
  reader: Reader,
  work: (scratch: Scratch) => Promise<T>,
  afterwards: (found: T) => Promise<R>,
): Promise<R> {
  const { session, names, signal } = run;
  const scripts = await readScripts(run, reader);
  await createDatabase(session, names.scratch, await readLocale(session));
  const inScratch = openSession(scratchTarget(run), signal);
  let found: T;
  try {
    await inScratch.run("SET client_min_messages = error");
    await inScratch.run("SET jit = off");
    found = await work({ session: inScratch, unqualified: await define(run, scripts, inScratch) });
  } catch (error) {
    await inScratch.close();
    if (!signal.aborted) await session.run(dropDatabase(names.scratch));
    throw error;
  }
  await inScratch.close();
  const dropped = dropAside(run);
  try {
    return await afterwards(found);
  } finally {
    await dropped;
  }
}

const dropDatabase = (name: string) => `DROP DATABASE ${escapeIdentifier(name)}`;

/** The server removes each file and waits for the disk. What is not dropped here, the clean-up drops. */
async function dropAside({ target, names, signal }: RestoreRun): Promise<void> {
  const session = openSession(target, signal);
  try {
    await session.run(dropDatabase(names.scratch));
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
  } finally {
    await session.close();
  }
}

/** Nothing there has to survive a crash of the server, so no statement waits for the disk. */
function scratchTarget({ target, names }: RestoreRun): ExecTarget {
  const scratch = inDatabase(target, names.scratch);
  return withEnv(scratch, { PGOPTIONS: `${target.env["PGOPTIONS"] ?? ""} -c synchronous_commit=off` });
}

interface Scripts {
  readonly prepare: AsyncIterable<string>;
  readonly definitions: AsyncIterable<string>;
  /** Access methods of tables that the target lacks, and that the first script has to bring. */
  readonly accessMethods: ReadonlySet<string>;
}

/** All of it is looked at, to its end, before anything of it is run. */
async function readScripts(run: RestoreRun, reader: Reader): Promise<Scripts> {
  const { manifest, files, signal } = run;
  const lacking = new Set<string>();
  const accessMethods = new Set<string>();
  const options = {
    known: await serverNames(run.session),
    onTablespace: (name: string) => lacking.add(name),
    onAccessMethod: (name: string) => accessMethods.add(name),
  };
  const read = (name: string) =>
    definitionsOf(readChecked(files, recordedFile(manifest, name)), {
      ...options,
      ...{ name, withoutKeys: [], settingsAnywhere: true },
    });
  const prepare = await whole(read(prepareFile));
  const archived = reader.script(
    reader.entries.filter((entry) => !holdsRows(entry)),
    signal,
  );
  const hasMore = manifest.files.some((file) => file.path === afterTablesFile);
  const definitions = await whole(
    definitionsOf(archived, {
      ...options,
      ...{ name: "The archive", withoutKeys: manifest.ignoredReferences },
      afterTables: hasMore ? () => read(afterTablesFile) : undefined,
    }),
  );
  noteTablespaces(run, lacking);
  return { prepare, definitions, accessMethods };
}

/**
 * The same, read to its end. What reads the output of a process in a container must keep up: the docker daemon closes it two
 * seconds after the process has ended, with what nobody has read.
 */
export async function whole(script: AsyncIterable<string>): Promise<AsyncIterable<string>> {
  const pieces: string[] = [];
  for await (const piece of script) pieces.push(piece);
  return Readable.from(pieces);
}

/** Functions that were given a search path. Those over rows come with the tables. */
async function define(run: RestoreRun, scripts: Scripts, inScratch: Session) {
  const { signal } = run;
  const scratch = scratchTarget(run);
  await feedPsql(scratch, prepareFile, scripts.prepare, signal);
  const known = await serverNames(inScratch);
  Failures.throwIfAny(
    [...scripts.accessMethods].filter((name) => !known.accessMethods.has(name)).map(accessMethodMissing),
  );
  const first = await giveSearchPath(inScratch);
  await feedPsql(scratch, "definitions", scripts.definitions, signal);
  return [...first, ...(await giveSearchPath(inScratch))];
}

/** All definitions of the scratch database, in an archive for the target. */
export interface ScratchDump {
  /** Its table of contents. */
  readonly contents: Buffer;
  readonly entries: readonly TocEntry[];
  /** The statement that sets the search path of those who bring it into the target. */
  readonly searchPath: string;
}

/**
 * A directory has a file for each table, though no table has rows. In a custom archive the same table of contents comes
 * first, and from standard output; of the directory only this is made.
 */
export async function dumpScratch(run: RestoreRun, searchPath: string): Promise<ScratchDump> {
  const { signal } = run;
  const command = ["pg_dump", "--no-password", "--format=custom", "--compress=0"];
  const { failed, stdout, stderr, exitCode } = await runTied(
    scratchTarget(run),
    command,
    signal,
    callerIds(),
  );
  signal.throwIfAborted();
  if (failed) throw restoreFailure("pg_dump", errorLines(stderr) || endedWith(exitCode));
  const dumped = asDirectory(stdout);
  const contents = searchPath === noSearchPath ? dumped : withSearchPath(dumped, `${searchPath};\n`);
  await writeInContainer(run, path.posix.join(stagedArchive(run), "toc.dat"), contents);
  return { contents, entries: readToc(contents).entries, searchPath };
}

export async function writeInContainer(
  { target }: RestoreRun,
  file: string,
  input: string | Uint8Array,
): Promise<void> {
  const script = 'umask 077; mkdir -p "${1%/*}" && cat >"$1"';
  const write = ["sh", "-c", script, "sh", file];
  try {
    await spawnDocker(target.docker, execArguments({ ...target, secretEnv: [] }, write, callerIds()), {
      input,
    });
  } catch (error) {
    throw dockerFailure(error);
  }
}
