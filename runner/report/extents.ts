import { listed, printable } from "../lib/format";
import { type History, tableName } from "./history";
import { dataTable } from "./data-table";
import { html, type Html } from "./html";
import { map } from "./map";
import { count, plural } from "./words";

/** Those of the largest tables are shown. */
const most = 200;
const mostOutlines = 50;

/** The extents of the geometry columns, as the last backup has them. */
export function extentSection({ last }: History): Html | undefined {
  const found = (last?.manifest.tables ?? [])
    .toSorted((one, other) => other.bytes - one.bytes)
    .flatMap((table) =>
      (table.extents ?? []).map((extent) => ({ name: `${tableName(table)}.${extent.column}`, ...extent })),
    );
  if (found.length === 0) return undefined;
  const outlines = found.flatMap(({ name, degrees }) =>
    degrees === undefined ? [] : [{ label: printable(name), box: degrees }],
  );
  const rows = found.slice(0, most).map(
    ({ name, srid, box, degrees }) =>
      html`<tr>
        <th scope="row">${name}</th>
        <td>${srid === 0 ? "none" : srid}</td>
        <td>
          ${
            degrees === undefined
              ? `${box.map(count).join(", ")} in units of the SRID`
              : degrees.map((side) => `${side.toFixed(2)}°`).join(", ")
          }
        </td>
      </tr>`,
  );
  const title = `Map with the extents of ${listed(outlines.map(({ label }) => label))}`;
  const rest = found.length - rows.length;
  return html`<h3>Where the geometries are</h3>
    <div class="map">
      ${outlines.length === 0 ? undefined : html`<figure>${map(title, outlines.slice(0, mostOutlines))}</figure>`}
      ${dataTable("Extents of the geometry columns", ["Column", "SRID", "West, south, east, north"], rows)}
    </div>
    ${rest > 0 ? html`<p class="more">And ${plural(rest, "column")} of smaller tables: the backup's <code>manifest.json</code> has them all.</p>` : undefined}
    <p class="more">
      PostGIS estimated these extents when the backup was taken, from a spatial index, or else from the
      statistics of the last ANALYZE. They can be a little too large, lack geometries that lie far outside, or
      be older than the rows.
    </p>`;
}
