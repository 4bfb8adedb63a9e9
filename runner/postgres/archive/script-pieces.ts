/** Takes a script of pg_dump or pg_restore apart: statements, and the rows of each table. */
import { Failure } from "../../lib/failure";
import { openQuote } from "./quotes";
import { parseCopy, RowsOwner } from "./script";
import { restriction, ScriptScanner } from "./script-scanner";

export type Piece =
  /** One line, or all lines of a quoted name, string or function body; the last line may be incomplete. */
  | { readonly kind: "line"; readonly text: string; readonly unended?: true }
  | {
      readonly kind: "copy";
      readonly text: string;
      readonly schema: string;
      readonly name: string;
      readonly rest: string;
      /** The key of the partition whose rows these are, as its heading has it, where they are given to the partitioned table. */
      readonly partition: string | undefined;
    }
  /** Some of the rows of the last COPY; the last piece includes the line that ends them. */
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
  const owner = new RowsOwner();
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
        owner.readLine(text);
        yield copy === undefined
          ? { kind: "line", text }
          : { kind: "copy", text, ...copy, partition: owner.partition() };
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
      // The kept bytes may be the beginning of the line that ends the rows.
      const kept = lastRowAndEnd.length - 1;
      if (rest.length <= kept) break;
      yield { kind: "rows", data: rest.subarray(0, rest.length - kept) };
      rest = Buffer.from(rest.subarray(rest.length - kept));
      state = "rows";
      break;
    }
  }
  if (state !== "statements") yield { kind: "rows", data: rest };
  else if (begun !== "" || rest.length > 0) {
    yield { kind: "line", text: begun + rest.toString("utf8"), unended: true };
  }
}

/** psql takes this too as the end of the rows, and reads SQL after it. */
const otherEndOfRows = Buffer.from("\n\\.\r\n");

/** Passes on the pieces; fails at the first one that pg_dump does not write and that psql or the server could run as a command. */
export async function* safePieces(pieces: AsyncIterable<Piece>, script: string): AsyncGenerator<Piece, void> {
  const scanner = new ScriptScanner(script);
  let before: Buffer = Buffer.alloc(0);
  for await (const piece of pieces) {
    if (piece.kind === "line") scanner.lines(piece.text);
    if (piece.kind === "copy") {
      scanner.copy(piece.text);
      before = Buffer.from("\n");
    }
    if (piece.kind === "rows") {
      const edge = Buffer.concat([before, piece.data.subarray(0, otherEndOfRows.length - 1)]);
      if (edge.includes(otherEndOfRows) || piece.data.includes(otherEndOfRows)) {
        throw new Failure(
          "script-unsafe",
          `${script} is refused: rows end within the rows of a table. pg_dump writes no such thing: somebody has changed this backup. Use another one.`,
        );
      }
      const end = piece.data.subarray(1 - otherEndOfRows.length);
      before = Buffer.concat([before, end]).subarray(1 - otherEndOfRows.length);
    }
    yield piece;
  }
}

/** The checked text of a script, without the `\restrict` that pg_dump writes itself. */
export async function* safeScript(
  chunks: AsyncIterable<Uint8Array>,
  script: string,
): AsyncGenerator<Buffer, void> {
  for await (const piece of safePieces(readPieces(chunks), script)) {
    if (piece.kind === "rows") yield piece.data;
    else if (piece.kind !== "end of rows" && !restriction.test(piece.text))
      yield Buffer.from("unended" in piece ? piece.text : `${piece.text}\n`);
  }
}
