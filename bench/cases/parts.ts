/** What a backup with all checks consists of, each part alone; the model of other scales is made of these. */
import { mkdir } from "node:fs/promises";
import path from "node:path";
import { escapeIdentifier } from "pg";
import { root } from "../../setup/paths";
import { runCommands } from "../run-commands";
import { database, insideAsCaller, pathInside, type Scene } from "../scene";
import { type Command, type Group, inside } from "../way";

/** The table that is nearly all of the backup. */
export const largeTable = "roi2020_S2_signatures";

/** As the fingerprint has it. */
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

export const part = {
  copy: "one session: rows to text (COPY)",
  dump: "one worker: pg_dump zstd:1",
  count: "one session: rows and fingerprint",
  checksum: "SHA-256 of the archive",
  read: "archive to its end (zstd, rows counted)",
  write: "disk: write",
  readDisk: "disk: read, past the cache",
} as const;

/** The program's own, compiled: Node.js uses instructions of the processor that sha256sum may not. */
const checksum = `const { hashFile } = require(process.argv[1]);
const folder = process.argv[2];
for (const file of fs.readdirSync(folder)) hashFile(path.join(folder, file));`;
const storedFiles = path.join(root, "dist", "runner", "store", "files.js");

/** With a file of so many bytes for the disk. */
export async function partsGroup(scene: Scene, diskBytes: number): Promise<Group> {
  const repository = path.join(scene.folder, "parts");
  const output = path.join(scene.folder, "output");
  await mkdir(repository, { recursive: true });
  const archive = path.join(repository, "archive");
  const noise = path.join(repository, "noise");
  const written = path.join(repository, "written");
  const dumpTo = (file: string) => dumpLarge(scene, pathInside(scene, file), 1);
  const preparations: Command[] = [
    dumpTo(archive),
    {
      file: "dd",
      args: ["if=/dev/urandom", `of=${noise}`, "bs=1M", "iflag=count_bytes", `count=${diskBytes}`],
    },
  ];
  await runCommands(preparations, scene.signal);
  const table = escapeIdentifier(largeTable);
  const query = (statement: string) =>
    inside(scene.container, ["psql", "-X", "-q", "-U", "postgres", "-d", database, "-c", statement]);
  const toEnd = `zstdcat '${pathInside(scene, archive)}'/[0-9]*.dat.zst | awk '/^\\\\\\.$/ { print NR }'`;
  return {
    name: "parts",
    ways: [
      { name: part.copy, commands: [query(`COPY ${table} TO '/dev/null'`)] },
      { name: part.dump, commands: [dumpTo(path.join(output, "archive"))], output },
      {
        name: part.count,
        commands: [query(`SELECT count(*), sum(${rowHash}) FROM ${table} t`)],
      },
      {
        name: part.checksum,
        commands: [{ file: process.execPath, args: ["--eval", checksum, storedFiles, archive] }],
      },
      { name: part.read, commands: [insideAsCaller(scene, ["sh", "-c", toEnd])] },
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

export function dumpLarge(scene: Scene, file: string, jobs: number): Command {
  const options = ["--format=directory", "--compress=zstd:1", `--jobs=${jobs}`, `--file=${file}`];
  const table = `--table=public.${escapeIdentifier(largeTable)}`;
  return insideAsCaller(scene, ["pg_dump", "-U", "postgres", "-d", database, ...options, table]);
}
