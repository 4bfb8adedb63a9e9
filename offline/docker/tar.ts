const BLOCK = 512;
const NAME_LIMIT = 100;

function octal(value: number, width: number): string {
  return `${value.toString(8).padStart(width - 1, "0")}\0`;
}

function padding(size: number): Buffer {
  return Buffer.alloc((BLOCK - (size % BLOCK)) % BLOCK);
}

/** A tar archive with one file: the daemon accepts uploads in this form. */
export function tarOf(file: string, mode: number, content: Buffer, modifiedSeconds: number): Buffer {
  if (Buffer.byteLength(file) > NAME_LIMIT) {
    throw new Error(`offline docker provider does not cover uploads to paths over 100 bytes: ${file}`);
  }
  const header = Buffer.alloc(BLOCK);
  header.write(file, 0);
  header.write(octal(mode, 8), 100);
  header.write(octal(0, 8), 108);
  header.write(octal(0, 8), 116);
  header.write(octal(content.length, 12), 124);
  header.write(octal(modifiedSeconds, 12), 136);
  header.write(" ".repeat(8), 148);
  header.write("0", 156);
  header.write("ustar\u000000", 257);
  const checksum = header.reduce((sum, byte) => sum + byte, 0);
  header.write(`${checksum.toString(8).padStart(6, "0")}\0 `, 148);
  return Buffer.concat([header, content, padding(content.length), Buffer.alloc(2 * BLOCK)]);
}
