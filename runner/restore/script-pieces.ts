/** Takes a script of pg_dump or pg_restore apart: statements, and the rows of each table. */
import { openQuote } from "../postgres/quotes";
import { parseCopy } from "../postgres/script";

export type Piece =
  /** One line, or those that a quoted name, string or function body goes over. */
  | { readonly kind: "line"; readonly text: string }
  | { readonly kind: "copy"; readonly schema: string; readonly name: string; readonly rest: string }
  /** Some of the rows that belong to the last COPY, with the line that ends them. */
  | { readonly kind: "rows"; readonly data: Buffer }
  | { readonly kind: "end of rows" };

const endOfRows = Buffer.from("\\.\n");
const lastRowAndEnd = Buffer.from("\n\\.\n");
const lineFeed = 10;

export async function* readPieces(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Piece, void> {
  let rest: Buffer = Buffer.alloc(0);
  let state: "statements" | "first row" | "rows" = "statements";
  let begun = "";
  let quote: string | undefined;
  for await (const chunk of chunks) {
    rest = rest.length === 0 ? Buffer.from(chunk) : Buffer.concat([rest, chunk]);
    for (;;) {
      if (state === "statements") {
        const end = rest.indexOf(lineFeed);
        if (end < 0) break;
        const line: string = rest.toString("utf8", 0, end);
        const text: string = begun + line;
        rest = rest.subarray(end + 1);
        quote = openQuote(line, quote);
        begun = quote === undefined ? "" : `${text}\n`;
        if (quote !== undefined) continue;
        const copy = parseCopy(text);
        if (copy !== undefined) state = "first row";
        yield copy === undefined ? { kind: "line", text } : { kind: "copy", ...copy };
        continue;
      }
      if (rest.length < endOfRows.length) break;
      const none = state === "first row" && rest.subarray(0, endOfRows.length).equals(endOfRows);
      const end = none ? 0 : rest.indexOf(lastRowAndEnd);
      if (end >= 0) {
        const length = end + (none ? endOfRows : lastRowAndEnd).length;
        yield { kind: "rows", data: rest.subarray(0, length) };
        yield { kind: "end of rows" };
        rest = rest.subarray(length);
        state = "statements";
        continue;
      }
      // What is kept can be the beginning of the end.
      const kept = lastRowAndEnd.length - 1;
      if (rest.length <= kept) break;
      yield { kind: "rows", data: rest.subarray(0, rest.length - kept) };
      rest = Buffer.from(rest.subarray(rest.length - kept));
      state = "rows";
      break;
    }
  }
  if (state !== "statements") yield { kind: "rows", data: rest };
  else if (begun !== "" || rest.length > 0) yield { kind: "line", text: begun + rest.toString("utf8") };
}
