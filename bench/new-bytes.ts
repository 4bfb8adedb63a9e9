/** What a run newly wrote to a folder of backups that shares files from one backup to the next. */
import { execa } from "execa";
import { type Fixture, pathInside } from "./fixture";

/** Sizes by device and inode: all hard links of a file have the same ones. */
type Files = ReadonlyMap<string, number>;

/** The files below a folder. The container's root user lists them, because not all belong to the caller. */
export async function filesBelow(fixture: Fixture, folder: string): Promise<Files> {
  const find = ["find", pathInside(fixture, folder), "-type", "f", "-printf", "%D:%i %s\\n"];
  return parseListing((await execa("docker", ["exec", "--user", "0:0", fixture.container, ...find])).stdout);
}

export function parseListing(listing: string): Files {
  const lines = listing.split("\n").filter((line) => line !== "");
  return new Map(
    lines.map((line) => {
      const [, inode, bytes] = /^(\d+:\d+) (\d+)$/.exec(line) ?? [];
      if (inode === undefined) throw new Error(`the list of files cannot be read: "${line}"`);
      return [inode, Number(bytes)];
    }),
  );
}

/** Bytes of the files that were not there before under any name. Where a file system has reflinks, shared files count as new. */
export function newBytes(before: Files, after: Files): number {
  return [...after].reduce((sum, [inode, bytes]) => sum + (before.has(inode) ? 0 : bytes), 0);
}
