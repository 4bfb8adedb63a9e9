/** A row whose text has more bytes than a string of the server may have. */
import { Failure } from "../../lib/failure";

/** A damaged row asks for a size that no row has, as a rule. */
const largestPlausible = 1n << 33n;

const identifier = String.raw`(?:"(?:[^"]|"")+"|[^\s".,()]+)`;
const qualifiedName = `${identifier}\\.${identifier}`;

/** The failure that these words are, of `pg_dump` or of the server, followed by the statement that failed if it is known. */
export function rowTooLarge(words: string): Failure | undefined {
  const size = /invalid memory alloc request size (\d+)/.exec(words)?.[1];
  const isSize = size !== undefined && BigInt(size) < largestPlausible;
  if (!isSize && !/Cannot enlarge string buffer|string buffer exceeds maximum/.test(words)) return undefined;
  const [, table] =
    new RegExp(`(?:COPY|FROM ONLY) (${qualifiedName})`).exec(words) ??
    /contents of table "(.+)" failed/.exec(words) ??
    [];
  const row = table === undefined ? "A row of one of the tables" : `A row of ${table}`;
  const said = /^.*(?:invalid memory alloc|string buffer).*$/m.exec(words)?.[0].trim();
  return new Failure(
    "row-too-large",
    `${row} has more than 1 GB as text, and the server cannot write so long a text, so no dump can have it. Split the row, or leave the table ` +
      `out with --exclude-table. If no row there is that large, the table is damaged. (${said})`,
  );
}
