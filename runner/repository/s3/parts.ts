/** Memory that parts of files wait in until they are uploaded, for all files together. */
export interface PartBuffers {
  readonly partBytes: number;
  /** A buffer of that size, as soon as one is free. */
  take(): Promise<Buffer>;
  give(buffer: Buffer): void;
}

const mebibyte = 1 << 20;
const smallestPart = 8 * mebibyte;
const memory = 16 * mebibyte;
/** S3 takes 10,000 of one file; some are to spare where its size was an estimate. */
const plannedParts = 9000;

/** For files of which none is expected to have more bytes than that. */
export function partBuffers(largestFile: number): PartBuffers {
  const partBytes = Math.max(smallestPart, Math.ceil(largestFile / plannedParts / mebibyte) * mebibyte);
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
  /** Gives its memory back. */
  readonly free: () => void;
}

/** A file in parts of that size, the last of which may be smaller; at least one. */
export async function* partsOf(
  content: AsyncIterable<Uint8Array>,
  buffers: PartBuffers,
): AsyncGenerator<Part, void> {
  let number = 1;
  let filled = 0;
  /** What is not in a part yet. */
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
