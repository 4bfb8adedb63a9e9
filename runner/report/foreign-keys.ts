import { sparkline } from "./charts";
import type { History } from "./history";
import { dataTable } from "./data-table";
import { html, type Html } from "./html";
import { count } from "./words";

/** The logical foreign keys that the last backup counted the orphans of. */
export function foreignKeyTable({ good, last }: History): Html | undefined {
  const keys = last?.manifest.logicalForeignKeys ?? [];
  if (keys.length === 0) return undefined;
  const rows = keys.map(({ key, child, parent, orphans }) => {
    const past = good.flatMap(({ manifest, startedAt }) =>
      manifest.logicalForeignKeys
        .filter(
          (one) => one.key === key && one.child.name === child.name && one.child.schema === child.schema,
        )
        .map((one) => ({ time: startedAt, value: one.orphans })),
    );
    const name = `${child.schema}.${child.name}.${child.column}`;
    return html`<tr>
      <th scope="row">${name}</th>
      <td>${`${parent.schema}.${parent.name}.${parent.column}`}</td>
      <td class="number ${orphans > 0 ? "warning" : ""}">${count(orphans)}</td>
      <td>${past.length < 2 ? undefined : sparkline(`Orphans of ${name} over time`, past)}</td>
    </tr>`;
  });
  return html`<h3>Logical foreign keys</h3>
    ${dataTable("Orphans of logical foreign keys", ["Column", "Refers to", { number: "Orphans" }, "Over time"], rows)}`;
}
