/** Data files of an archive in the directory format: one a table, named by the number of the table's entry. */
import { type ExecTarget, runTied } from "../../docker/exec";
import { Failure } from "../../lib/failure";
import type { ContainerFile } from "./archive";
import { decompressors } from "./compressor";
import { endedWith } from "../session/server";

const noPrograms = "no programs";

/** 512-byte blocks of a file that is worth a process of its own. */
const largeBlocks = 16384;

/** Small files that one process reads. What it writes of them in the end is short enough for a pipe to take as one. */
const smallAtOnce = 64;

/**
 * Rows are lines, and three lines follow them, `\.` and two that are empty; so a file that was cut off does not go unnoticed,
 * nor a decompressor that failed, which adds a line.
 */
const countRows = `{ "$program" "$@" || echo; } | awk -v files="$*" '
/^\\\\\\.$/ { rows = rows sprintf(" %.0f", NR - end - 1); end = NR + 2 }
END { printf "%s:%s%s\\n", files, rows, NR == end ? "" : " cut" }'`;

/**
 * Its arguments are a folder, the number of processes, and what each of these does with its files. Pipes can be ended by a
 * signal, which a container whose first process is a postmaster must be spared; so this is for throwaway
 * containers only.
 */
const countAll = `cd "$1" || exit
processes=$2 each=$3
set -- [0-9]*.dat*
case $1 in
${Object.entries(decompressors)
  .map(([suffix, program]) => `*${suffix}) program=${program};;`)
  .join("\n")}
*) program=cat;;
esac
export program
{ command -v "$program" && command -v awk && find . -prune -size -1 && echo | xargs -r -P 2 -n 1 true; } >/dev/null 2>&1 || {
  echo '${noPrograms}'
  exit
}
count() {
  find . -name '[0-9]*.dat*' "$@" | xargs -r -P "$processes" -n "$files" sh -c "$each" sh
}
files=1; count -size +${largeBlocks}
files=${smallAtOnce}; count ! -size +${largeBlocks}
:`;

/**
 * Number of rows in each file, by the number of its entry; every file is decompressed to its end, several at once. Nothing,
 * if the container lacks a program that this takes.
 */
export async function countDataFiles(
  target: ExecTarget,
  { path, user }: ContainerFile,
  processes: number,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, number> | undefined> {
  const command = ["sh", "-c", countAll, "sh", path, String(processes), countRows];
  const { stdout, stderr, failed, exitCode } = await runTied(target, command, signal, user);
  signal.throwIfAborted();
  if (failed) throw unreadable(stderr.trim() || endedWith(exitCode));
  const lines = stdout.toString();
  if (lines === `${noPrograms}\n`) return undefined;
  return new Map(
    lines
      .split("\n")
      .filter(Boolean)
      .flatMap((line) => rowsOf(line, stderr.trim())),
  );
}

/** Names of files and their numbers of rows: `./4387.dat.zst ./4388.dat.zst: 12 0`. */
function rowsOf(line: string, reason: string): [string, number][] {
  const [names = "", rows = ""] = line.split(":");
  const files = names.split(" ");
  const counts = rows.split(" ").slice(1);
  if (counts.length !== files.length || counts.includes("cut"))
    throw unreadable(reason || `${names} ends too early.`);
  return files.map((file, index) => [/\d+/.exec(file)?.[0] ?? "", Number(counts[index])]);
}

function unreadable(reason: string): Failure {
  return new Failure("archive-incomplete", `The archive cannot be read to its end: ${reason}`);
}
