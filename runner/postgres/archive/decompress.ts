import { addAbortSignal, pipeline, Transform, type TransformCallback } from "node:stream";
import { createGunzip } from "node:zlib";
import { Decompress } from "fzstd";

const chunkBytes = 1 << 18;

/** What a file of this name holds, decompressed as the end of the name says, piece by piece. */
export function decompressed(
  content: AsyncIterable<Uint8Array>,
  name: string,
  signal: AbortSignal,
): AsyncIterable<Uint8Array> {
  const undo = name.endsWith(".gz")
    ? createGunzip({ chunkSize: chunkBytes })
    : name.endsWith(".zst")
      ? unzstd()
      : undefined;
  // The reader of the last stream gets the error of any.
  return undo === undefined ? content : pipeline(content, addAbortSignal(signal, undo), () => undefined);
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
