/** A content in pieces that end at these positions, as a stream may give it. */
export async function* inChunks(content: Buffer, ...ends: readonly number[]): AsyncGenerator<Buffer, void> {
  let start = 0;
  for (const end of [...ends, content.length]) {
    yield await Promise.resolve(content.subarray(start, end));
    start = end;
  }
}

/** The ends of chunks of such a size. */
export function everyBytes(content: Buffer, size: number): number[] {
  return Array.from({ length: Math.ceil(content.length / size) - 1 }, (_, index) => (index + 1) * size);
}
