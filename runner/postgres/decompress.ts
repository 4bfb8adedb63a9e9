import { createReadStream } from "node:fs";
import { pipeline, type Readable, Transform, type TransformCallback } from "node:stream";
import { createGunzip } from "node:zlib";
import { Decompress } from "fzstd";

const chunkBytes = 1 << 18;

/** What a file holds, decompressed as the end of its name says, piece by piece. */
export function readDecompressed(file: string, signal: AbortSignal): Readable {
  const source = createReadStream(file, { highWaterMark: chunkBytes, signal });
  const undo = file.endsWith(".gz")
    ? createGunzip({ chunkSize: chunkBytes })
    : file.endsWith(".zst")
      ? unzstd()
      : undefined;
  // The reader of the last stream gets the error of any.
  return undo === undefined ? source : pipeline(source, undo, () => undefined);
}

/** Node.js knows zstd from version 22.15 on. */
function unzstd(): Transform {
  let push: (block: Uint8Array) => void = () => undefined;
  const decompressor = new Decompress((block) => {
    // It uses the memory of a block again.
    if (block.length > 0) push(Uint8Array.from(block));
  });
  const feed = (chunk: Uint8Array, last: boolean, done: TransformCallback) => {
    try {
      decompressor.push(chunk, last);
      done();
    } catch (error) {
      done(error as Error);
    }
  };
  const transform = new Transform({
    readableHighWaterMark: chunkBytes,
    transform: (chunk: Uint8Array, _, done) => {
      feed(chunk, false, done);
    },
    flush: (done) => {
      feed(new Uint8Array(0), true, done);
    },
  });
  push = (block) => transform.push(block);
  return transform;
}
