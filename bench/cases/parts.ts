/** The parts of a backup with all checks, each measured alone. `model.ts` calculates other scales from them. */
import { mkdir } from "node:fs/promises";
import path from "node:path";
import { escapeIdentifier } from "pg";
import { root } from "../../setup/paths";
import { runCommands } from "../run-commands";
import { database, insideAsCaller, pathInside, type Fixture } from "../fixture";
import { type Command, type Group, inside } from "../contender";

/** Nearly all rows of the backup are in this table. */
export const largeTable = "roi2020_S2_signatures";

/** The same expression as in the fingerprint of a backup. */
const rowHash = [
  ...["pid", "obsid"].map((column) => [column, "hashint4extended"]),
  ["band", "hashbpcharextended"],
  ...["count", "mean", "std", "min", "max", "p25", "p50", "p75"].map((column) => [
    column,
    "hashfloat4extended",
  ]),
]
  .map(([column, hash], index) => `coalesce(${hash}(t.${column}, ${index + 1}), ${index + 1})`)
  .join(" # ");

const hashProgram = path.join(root, "dist", "bench", "hash-folder.js");

export const part = {
  copy: "one session: rows to text (COPY)",
  dump: "one worker: pg_dump zstd:1",
  count: "one session: rows and fingerprint",
  checksum: "SHA-256 of the archive",
  read: "full read of the archive (zstd, rows counted)",
  write: "disk: write",
  readDisk: "disk: read, past the cache",
} as const;

/** `diskBytes` is the size of the file that the disk writes and reads. */
export async function partsGroup(fixture: Fixture, diskBytes: number): Promise<Group> {
  const directory = path.join(fixture.folder, "parts");
  const output = path.join(fixture.folder, "output");
  await mkdir(directory, { recursive: true });
  const archive = path.join(directory, "archive");
  const noise = path.join(directory, "noise");
  const written = path.join(directory, "written");
  const dumpTo = (file: string) => dumpLarge(fixture, pathInside(fixture, file), 1);
  const preparations: Command[] = [
    dumpTo(archive),
    {
      file: "dd",
      args: ["if=/dev/urandom", `of=${noise}`, "bs=1M", "iflag=count_bytes", `count=${diskBytes}`],
    },
  ];
  await runCommands(preparations, fixture.signal);
  const table = escapeIdentifier(largeTable);
  const query = (statement: string) =>
    inside(fixture.container, ["psql", "-X", "-q", "-U", "postgres", "-d", database, "-c", statement]);
  const toEnd = `zstdcat '${pathInside(fixture, archive)}'/[0-9]*.dat.zst | awk '/^\\\\\\.$/ { print NR }'`;
  return {
    name: "parts",
    contenders: [
      { name: part.copy, commands: [query(`COPY ${table} TO '/dev/null'`)] },
      { name: part.dump, commands: [dumpTo(path.join(output, "archive"))], output },
      {
        name: part.count,
        commands: [query(`SELECT count(*), sum(${rowHash}) FROM ${table} t`)],
      },
      {
        name: part.checksum,
        commands: [{ file: process.execPath, args: [hashProgram, archive] }],
      },
      { name: part.read, commands: [insideAsCaller(fixture, ["sh", "-c", toEnd])] },
      {
        name: part.write,
        commands: [{ file: "dd", args: [`if=${noise}`, `of=${written}`, "bs=4M", "conv=fsync"] }],
      },
      {
        name: part.readDisk,
        commands: [{ file: "dd", args: [`if=${written}`, "of=/dev/null", "bs=4M", "iflag=direct"] }],
      },
    ],
  };
}

export function dumpLarge(fixture: Fixture, file: string, jobs: number): Command {
  const options = ["--format=directory", "--compress=zstd:1", `--jobs=${jobs}`, `--file=${file}`];
  const table = `--table=public.${escapeIdentifier(largeTable)}`;
  return insideAsCaller(fixture, ["pg_dump", "-U", "postgres", "-d", database, ...options, table]);
}
