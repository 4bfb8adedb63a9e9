/** The tables of a history: what the last backup has of each, and how that came. */
import { formatBytes } from "../lib/format";
import { sparkline, type Point } from "./charts";
import { type History, type Table, tableName } from "./history";
import { dataTable } from "./data-table";
import { html, type Html } from "./html";
import { change, count, plural } from "./words";

/** A page of thousands of tables is of no use; the largest are shown. */
const most = 200;
const mostCharts = 50;

export function tableTable({ good, last, before }: History): Html | undefined {
  if (last === undefined) return undefined;
  const earlier = new Map(before?.manifest.tables.map((table) => [tableName(table), table]));
  const past = pastOf(good);
  const tables = last.manifest.tables
    .filter(({ kind }) => kind === "table")
    .toSorted((one, other) => other.bytes - one.bytes);
  const rows = tables
    .slice(0, most)
    .map((table, index) =>
      row(table, earlier.get(tableName(table)), index < mostCharts ? past.get(tableName(table)) : undefined),
    );
  const rest = tables.length - rows.length;
  return html`<h3>Tables</h3>
    ${dataTable("Tables of the last good backup", ["Table", { number: "Rows" }, { number: "Change" }, "Rows over time", { number: "Size in the database" }, "Size over time"], rows)}
    ${rest > 0 ? html`<p class="more">And ${plural(rest, "smaller table")}: <code>postgis-backup list --json</code> has them all.</p>` : undefined}`;
}

function row(table: Table, before: Table | undefined, past: readonly Past[] = []): Html {
  const name = tableName(table);
  const chart = (what: string, value: (past: Past) => number) => {
    if (past.length < 2) return undefined;
    const points: Point[] = past.map((one) => ({ time: one.time, value: value(one) }));
    return sparkline(`${what} of ${name} over time`, points);
  };
  return html`<tr>
    <th scope="row">${name}</th>
    <td class="number">${count(table.rows)}</td>
    <td class="number">${before === undefined ? "" : change(table.rows, before.rows)}</td>
    <td>${chart("Rows", ({ rows }) => rows)}</td>
    <td class="number">${formatBytes(table.bytes)}</td>
    <td>${chart("Size", ({ bytes }) => bytes)}</td>
  </tr>`;
}

type Past = Pick<Table, "rows" | "bytes"> & { readonly time: Date };

function pastOf(good: History["good"]): ReadonlyMap<string, readonly Past[]> {
  const past = new Map<string, Past[]>();
  for (const { manifest, startedAt } of good) {
    for (const table of manifest.tables) {
      const name = tableName(table);
      const known = past.get(name) ?? [];
      known.push({ time: startedAt, rows: table.rows, bytes: table.bytes });
      past.set(name, known);
    }
  }
  return past;
}
