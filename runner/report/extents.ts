import { printable } from "../lib/format";
import { type History, tableName } from "./history";
import { dataTable } from "./data-table";
import { html, type Html } from "./html";
import { map } from "./map";
import { count } from "./words";

/** The extents of the geometry columns, as the last backup has them. */
export function extentSection({ last }: History): Html | undefined {
  const found = (last?.manifest.tables ?? []).flatMap((table) =>
    (table.extents ?? []).map((extent) => ({ name: `${tableName(table)}.${extent.column}`, ...extent })),
  );
  if (found.length === 0) return undefined;
  const outlines = found.flatMap(({ name, degrees }) =>
    degrees === undefined ? [] : [{ label: printable(name), box: degrees }],
  );
  const rows = found.map(
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
  return html`<h3>Where the geometries are</h3>
    <div class="map">
      ${outlines.length === 0 ? undefined : html`<figure>${map(`Map with the extents of ${outlines.map(({ label }) => label).join(", ")}`, outlines)}</figure>`}
      ${dataTable("Extents of the geometry columns", ["Column", "SRID", "West, south, east, north"], rows)}
    </div>`;
}
