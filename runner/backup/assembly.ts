import { createReadStream, createWriteStream } from "node:fs";
import { rm } from "node:fs/promises";
import { pipeline } from "node:stream/promises";

const chunkBytes = 1 << 20;

/** Appends parts to a file, in their order, however they come; gives a function that takes the number of one that is there. */
export function assemble(file: string, part: (index: number) => string): (index: number) => Promise<void> {
  const waiting = new Set<number>();
  let next = 0;
  let appended = Promise.resolve();
  return (index) => {
    waiting.add(index);
    while (waiting.delete(next)) {
      const source = part(next++);
      appended = appended.then(() => append(file, source));
    }
    return appended;
  };
}

async function append(file: string, part: string): Promise<void> {
  await pipeline(
    createReadStream(part, { highWaterMark: chunkBytes }),
    createWriteStream(file, { flags: "a", mode: 0o600 }),
  );
  await rm(part);
}
