/** The data files of an archive in the directory format: one for each table, named by the number of its entry. */
import { type ExecTarget, runTied, shell } from "../../docker/exec";
import { Failure } from "../../lib/failure";
import type { ContainerFile } from "./archive";
import { endedWith } from "../session/server";
import countDataFilesScript from "./count-data-files.sh";
import countRows from "./count-rows.sh";

import { decompressors } from "./compression";

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
  return new Map([...counted, ...[...known].map(([name, rows]) => [entryOf(name), rows] as const)]);
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

const entryOf = (file: string): string => /\d+/.exec(file)?.[0] ?? "";

function unreadable(reason: string): Failure {
  return new Failure("archive-incomplete", `The archive cannot be read to its end: ${reason}`);
}
