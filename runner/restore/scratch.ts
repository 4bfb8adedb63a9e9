/**
 * A database of the target server in which the definitions of a backup are run, and the tables renamed by the server
 * itself: no SQL is taken apart. What pg_dump of the target makes of it fits the target.
 */
import path from "node:path";
import { Readable } from "node:stream";
import { escapeIdentifier } from "../postgres/escape";
import { dockerFailure, spawnDocker } from "../docker/docker";
import { callerIds, execArguments, execTied } from "../docker/exec";
import { createDatabase, readLocale } from "../postgres/restore";
import { endedWith, errorLines } from "../postgres/server";
import { openSession, type Session } from "../postgres/session";
import { readToc, type TocEntry, withSearchPath } from "../postgres/toc";
import { afterTablesFile, prepareFile } from "../restore-command";
import { Failures } from "../failure";
import { readChecked, recordedFile } from "../store/seal";
import { holdsRows } from "./entries";
import { feedPsql, restoreFailure } from "./feed";
import type { Reader } from "./reader";
import { inDatabase, type RestoreRun } from "./run";
import { accessMethodMissing, noteTablespaces, serverNames } from "./server-names";
import { definitionsOf } from "./statements";
import { giveSearchPath, noSearchPath } from "./unqualified";

/** Where pg_dump writes the definitions for the target, in its container. */
export const stagedArchive = ({ names }: RestoreRun): string => path.posix.join(names.workFolder, "archive");

/** A scratch database that has all definitions of the backup. */
export interface Scratch {
  readonly session: Session;
  /** Functions that were given a search path, so that they can be called; as a table of contents numbers them. */
  readonly unqualified: readonly string[];
}

/** Does some work in a scratch database; it is gone afterwards. */
export async function withScratch<T>(
  run: RestoreRun,
  reader: Reader,
  work: (scratch: Scratch) => Promise<T>,
): Promise<T> {
  const { session, names, target, signal } = run;
  const scripts = await readScripts(run, reader);
  await createDatabase(session, names.scratch, await readLocale(session));
  const inScratch = openSession(inDatabase(target, names.scratch), signal);
  try {
    await inScratch.run("SET client_min_messages = error");
    return await work({ session: inScratch, unqualified: await define(run, scripts, inScratch) });
  } finally {
    await inScratch.close();
    if (!signal.aborted) await session.run(`DROP DATABASE ${escapeIdentifier(names.scratch)}`);
  }
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
      ...{ name: "The archive", withoutKeys: manifest.acceptedReferences },
      afterTables: hasMore ? () => read(afterTablesFile) : undefined,
    }),
  );
  noteTablespaces(run, lacking);
  return { prepare, definitions, accessMethods };
}

async function whole(script: AsyncIterable<string>): Promise<AsyncIterable<string>> {
  const pieces: string[] = [];
  for await (const piece of script) pieces.push(piece);
  return Readable.from(pieces);
}

/** Functions that were given a search path. Those over rows come with the tables. */
async function define(run: RestoreRun, scripts: Scripts, inScratch: Session) {
  const { target, names, signal } = run;
  const scratch = inDatabase(target, names.scratch);
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

export async function dumpScratch(run: RestoreRun, searchPath: string): Promise<ScratchDump> {
  const { target, names, signal } = run;
  const command = [
    ...["pg_dump", "--no-password", "--format=directory", "--compress=0", "--no-sync"],
    `--file=${stagedArchive(run)}`,
  ];
  const { failed, stderr, exitCode } = await execTied(inDatabase(target, names.scratch), command, signal, {
    user: callerIds(),
    reject: false,
  });
  signal.throwIfAborted();
  if (failed) throw restoreFailure("pg_dump", errorLines(stderr) || endedWith(exitCode));
  const file = path.posix.join(stagedArchive(run), "toc.dat");
  const dumped = await readInContainer(run, file);
  if (searchPath === noSearchPath) return { contents: dumped, entries: readToc(dumped).entries, searchPath };
  const contents = withSearchPath(dumped, `${searchPath};\n`);
  await writeInContainer(run, file, contents);
  return { contents, entries: readToc(contents).entries, searchPath };
}

export async function writeInContainer(
  { target }: RestoreRun,
  file: string,
  input: string | Uint8Array,
): Promise<void> {
  const write = ["sh", "-c", 'umask 077; cat >"$1"', "sh", file];
  try {
    await spawnDocker(target.docker, execArguments({ ...target, secretEnv: [] }, write, callerIds()), {
      input,
    });
  } catch (error) {
    throw dockerFailure(error);
  }
}

async function readInContainer(run: RestoreRun, file: string): Promise<Buffer> {
  const command = execArguments({ ...run.target, secretEnv: [] }, ["cat", file], callerIds());
  try {
    const { stdout } = await spawnDocker(run.target.docker, command, {
      encoding: "buffer",
      cancelSignal: run.signal,
    });
    return Buffer.from(stdout);
  } catch (error) {
    throw dockerFailure(error);
  }
}
