/** The server converts nothing between such an encoding and UTF-8; text in one is taken as it is. */
const rawEncodings = new Set(["SQL_ASCII", "MULE_INTERNAL"]);

/** The client encoding of all sessions in a database that has this encoding. */
export function clientEncoding(encoding: string): string {
  return rawEncodings.has(encoding) ? encoding : "UTF8";
}
