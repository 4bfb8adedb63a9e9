/** Buffers that hold the parts of all files until they are uploaded. */
export interface PartBuffers {
  readonly partBytes: number;
  /** Waits for a free buffer of that size. */
  take(): Promise<Buffer>;
  give(buffer: Buffer): void;
}

const mebibyte = 1 << 20;
const smallestPart = 8 * mebibyte;
const memory = 16 * mebibyte;
/** Node.js hashes less than 2 GiB at once. */
const largestPart = 2047 * mebibyte;
/** Of the parts that a server takes; the rest is a reserve, because the size may be an estimate. */
const plannedShare = 0.9;

/** Buffers for files that are expected to have at most this many bytes, on a server that takes so many parts for each. */
export function partBuffers(largestFile: number, maxParts: number): PartBuffers {
  const plannedParts = Math.max(1, Math.floor(maxParts * plannedShare));
  const wanted = Math.ceil(largestFile / plannedParts / mebibyte) * mebibyte;
  const partBytes = Math.min(largestPart, Math.max(smallestPart, wanted));
  let unmade = Math.max(1, Math.floor(memory / partBytes));
  const free: Buffer[] = [];
  const waiting: ((buffer: Buffer) => void)[] = [];
  return {
    partBytes,
    take() {
      const buffer = free.pop();
      if (buffer !== undefined) return Promise.resolve(buffer);
      if (unmade === 0) return new Promise((resolve) => waiting.push(resolve));
      unmade -= 1;
      return Promise.resolve(Buffer.allocUnsafeSlow(partBytes));
    },
    give(buffer) {
      const next = waiting.shift();
      if (next === undefined) free.push(buffer);
      else next(buffer);
    },
  };
}

export interface Part {
  /** From 1. */
  readonly number: number;
  readonly body: Uint8Array;
  readonly last: boolean;
  /** Gives the buffer back. */
  readonly free: () => void;
}

/** Splits a file into parts of the buffers' size; the last one may be smaller. An empty file is one part. */
export async function* partsOf(
  content: AsyncIterable<Uint8Array>,
  buffers: PartBuffers,
): AsyncGenerator<Part, void> {
  let number = 1;
  let filled = 0;
  /** The buffer that is being filled. */
  let held: Buffer | undefined;
  const part = (buffer: Buffer, last: boolean): Part => {
    let free = () => {
      buffers.give(buffer);
    };
    return {
      number,
      body: buffer.subarray(0, filled),
      last,
      free: () => {
        free();
        free = () => undefined;
      },
    };
  };
  try {
    for await (const chunk of content) {
      for (let rest = chunk; rest.length > 0;) {
        held ??= await buffers.take();
        if (filled === held.length) {
          const full = part(held, false);
          held = undefined;
          yield full;
          [number, filled] = [number + 1, 0];
          continue;
        }
        const piece = rest.subarray(0, held.length - filled);
        held.set(piece, filled);
        filled += piece.length;
        rest = rest.subarray(piece.length);
      }
    }
    const end = part(held ?? (await buffers.take()), true);
    held = undefined;
    yield end;
  } finally {
    if (held !== undefined) buffers.give(held);
  }
}
