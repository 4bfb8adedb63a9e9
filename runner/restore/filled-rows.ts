/** How far the filling of tables is: the rows that went to the server, of those that the backup has. */
import type { Progress } from "../lib/progress";
import { totalBytes } from "../lib/format";
import type { RecordedTable } from "../verify";

const lineFeed = 10;

interface Followed {
  /** Passes a script on, and counts its rows. */
  readonly counted: (script: AsyncIterable<string | Buffer>) => AsyncGenerator<string | Buffer, void>;
  readonly stop: () => void;
}

/** Until `stop` is called, tells how many of the tables' rows have passed through `counted`, as a share of the tables' size. */
export function followRows(
  progress: Progress,
  tables: readonly Pick<RecordedTable, "rows" | "bytes">[],
): Followed {
  const rows = tables.reduce((sum, table) => sum + table.rows, 0);
  const bytes = totalBytes(tables);
  let passed = 0;
  // The line that ends the rows of a table has a line feed too.
  const share = () => (rows === 0 ? 1 : Math.min(1, passed / rows));
  const stop = progress.follow(
    () => "rows",
    () => Promise.resolve(Math.round(share() * bytes)),
    bytes,
  );
  async function* counted(script: AsyncIterable<string | Buffer>): AsyncGenerator<string | Buffer, void> {
    for await (const piece of script) {
      if (typeof piece !== "string") passed += lineFeeds(piece);
      yield piece;
    }
  }
  return { counted, stop };
}

/** Each row is a line. */
function lineFeeds(data: Buffer): number {
  let count = 0;
  for (let at = data.indexOf(lineFeed); at >= 0; at = data.indexOf(lineFeed, at + 1)) count++;
  return count;
}
