/** The data files of an archive in the directory format: one for each table, named by the number of its entry. */
import { text } from "node:stream/consumers";
import pMap from "p-map";
import { spawnDocker } from "../../docker/docker";
import { execArguments, execFilter, type ExecTarget, runTied, shell } from "../../docker/exec";
import { Failure } from "../../lib/failure";
import type { ContainerFile } from "./archive";
import { endedWith } from "../session/server";
import countDataFilesScript from "./count-data-files.sh";
import countRows from "./count-rows.sh";
import { decompressorOf, decompressors } from "./compression";
import { groupBySize } from "../../lib/concurrency";
import { totalBytes } from "../../lib/format";

/**
 * The number of rows in each file, by the number of its entry. Every file is decompressed to its end, except those whose rows are
 * known, by their names. Undefined if the container lacks a program for this.
 */
export async function countDataFiles(
  target: ExecTarget,
  { path, user }: ContainerFile,
  processes: number,
  signal: AbortSignal,
  known: ReadonlyMap<string, number> = new Map(),
): Promise<ReadonlyMap<string, number> | undefined> {
  const command = shell(countDataFilesScript, path, String(processes), countRows, ...decompressors);
  const input = [...known.keys()].map((name) => `./${name}\n`).join("");
  const { stdout, stderr, failed, exitCode } = await runTied(target, command, signal, { user, input });
  signal.throwIfAborted();
  if (failed) throw unreadable(stderr.trim() || endedWith(exitCode));
  const lines = stdout.toString();
  if (lines === "no programs\n") return undefined;
  const counted = lines
    .split("\n")
    .filter(Boolean)
    .flatMap((line) => rowsOf(line, stderr.trim()));
  return new Map([...counted, ...byEntry(known)]);
}

/**
 * The same of files that the container does not see: each is given to it once, small ones together. For a container that
 * {@link canCount} them.
 */
export async function countStreamedFiles(
  target: ExecTarget,
  files: readonly DataFile[],
  processes: number,
  signal: AbortSignal,
  known: ReadonlyMap<string, number> = new Map(),
): Promise<ReadonlyMap<string, number>> {
  const counted = await pMap(
    groupBySize(files, ({ bytes }) => bytes),
    (group) => countTogether(target, group, signal),
    { concurrency: processes },
  );
  return new Map([...counted.flat(), ...byEntry(known)]);
}

const byEntry = (known: ReadonlyMap<string, number>) =>
  [...known].map(([name, rows]) => [entryOf(name), rows] as const);

/** Whether the container has the programs that count the rows of such files. */
export async function canCount(
  target: ExecTarget,
  files: readonly { readonly path: string }[],
): Promise<boolean> {
  const [decompress = "cat"] = decompressorOf(files[0]?.path ?? "");
  const probe = execArguments(target, shell('command -v "$1" && command -v awk', decompress));
  const { failed } = await spawnDocker(target.docker, probe, { reject: false });
  return !failed;
}

/** A data file, and what reads it; each call reads it again. */
export interface DataFile {
  readonly name: string;
  readonly bytes: number;
  readonly content: () => AsyncIterable<Uint8Array>;
}

async function countTogether(
  target: ExecTarget,
  files: readonly DataFile[],
  signal: AbortSignal,
): Promise<[string, number][]> {
  const decompress = decompressorOf(files[0]?.name ?? "").join(" ");
  const bytes = totalBytes(files);
  const content = async function* () {
    for (const file of files) yield* file.content();
  };
  const counting = { ...target, env: { ...target.env, decompress } };
  const { chunks, ended } = execFilter(counting, shell(countRows), { bytes, content }, signal, {
    toEnd: true,
  });
  const counts = await text(chunks);
  const { failed, stderr, exitCode } = await ended;
  signal.throwIfAborted();
  if (failed) throw unreadable(stderr.trim() || endedWith(exitCode));
  const names = files.map(({ name }) => name).join(" ");
  return rowsOf(`${names}${counts.trimEnd()}`, stderr.trim());
}

/** Reads the names of files and their numbers of rows: `./4387.dat.zst ./4388.dat.zst: 12 0`. */
function rowsOf(line: string, reason: string): [string, number][] {
  const [names = "", rows = ""] = line.split(":");
  const files = names.split(" ");
  const counts = rows.split(" ").slice(1);
  if (counts.length !== files.length || counts.includes("cut"))
    throw unreadable(reason || `${names} ends too early.`);
  return files.map((file, index) => [entryOf(file), Number(counts[index])]);
}

export const entryOf = (file: string): string => /\d+/.exec(file)?.[0] ?? "";

/** What follows the last row of a file. */
const end = "\\.\n\n\n";
const newline = 0x0a;

/** The number of rows in the decompressed content of a data file. Rows are lines. Fails if the content ends too early. */
export async function rowsIn(content: AsyncIterable<Uint8Array>, name: string): Promise<number> {
  let lines = 0;
  // A row begins a line, so the end is that of a line too.
  let last = "\n";
  try {
    for await (const chunk of content) {
      for (let at = chunk.indexOf(newline); at >= 0; at = chunk.indexOf(newline, at + 1)) lines++;
      last = (last + Buffer.from(chunk.subarray(-end.length - 1)).toString("latin1")).slice(-end.length - 1);
    }
  } catch (error) {
    throw error instanceof Failure ? error : unreadable(`${name}: ${(error as Error).message}`);
  }
  if (last !== `\n${end}`) throw unreadable(`${name} ends too early.`);
  return lines - 3;
}

function unreadable(reason: string): Failure {
  return new Failure("archive-incomplete", `The archive cannot be read to its end: ${reason}`);
}
