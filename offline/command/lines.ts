/** A longer line blocks the scanner of the official provider, and so the command, for ever. */
export const LINE_LIMIT = 64 * 1024;

/** Splits a stream of chunks into lines. The rest at the end is a line too. */
export class Lines {
  #rest = Buffer.alloc(0);

  push(chunk: Buffer): string[] {
    const lines: string[] = [];
    let buffer = Buffer.concat([this.#rest, chunk]);
    for (let end = buffer.indexOf("\n"); end !== -1; end = buffer.indexOf("\n")) {
      lines.push(this.#line(buffer.subarray(0, end)));
      buffer = buffer.subarray(end + 1);
    }
    this.#rest = this.#limited(buffer);
    return lines;
  }

  end(): string[] {
    return this.#rest.length === 0 ? [] : [this.#line(this.#rest)];
  }

  #line(line: Buffer): string {
    return this.#limited(line).toString("utf8").replace(/\r$/, "");
  }

  #limited(line: Buffer): Buffer<ArrayBuffer> {
    if (line.length >= LINE_LIMIT) {
      throw new Error("a logged line of 64 KiB or more, on which the official command provider hangs");
    }
    return Buffer.from(line);
  }
}
