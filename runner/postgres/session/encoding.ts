/** The server converts nothing between such an encoding and UTF-8; text in one is taken as it is. */
const rawEncodings = new Set(["SQL_ASCII", "MULE_INTERNAL"]);

export function isConvertible(encoding: string): boolean {
  return !rawEncodings.has(encoding);
}

/** The client encoding of all sessions in a database that has this encoding. */
export function clientEncoding(encoding: string): string {
  return isConvertible(encoding) ? "UTF8" : encoding;
}
