import { formatBytes } from "../lib/format";
import { isGood, type StoredBackup } from "../repository/repository";
import { type History, problemOf, rowsOf, secondsOf, stateOf } from "./history";
import { dataTable } from "./data-table";
import { html, type Html } from "./html";
import type { NextPrune } from "./reported";
import { count, duration, moment, plural } from "./words";

/** So many are shown at once; the older ones when they are asked for. */
const atOnce = 30;
const most = 2000;

/** All backups of a history, the newest first. */
export function backupTable({ backups }: History, nextPrune: NextPrune | undefined): Html {
  const rows = backups
    .toReversed()
    .slice(0, most)
    .map((backup) => row(backup, nextPrune));
  const older = rows.slice(atOnce);
  const rest = backups.length - rows.length;
  return html`<h3>Backups</h3>
    ${table("Newest backups", rows.slice(0, atOnce), nextPrune)}
    ${
      older.length === 0
        ? undefined
        : html`<details>
            <summary>${plural(older.length, "older backup")}</summary>
            ${table("Older backups", older, nextPrune)}
          </details>`
    }
    ${rest > 0 ? html`<p class="more">And ${plural(rest, "backup")} before: <code>postgis-backup list</code> has them all.</p>` : undefined}`;
}

function table(label: string, rows: readonly Html[], nextPrune: NextPrune | undefined): Html {
  return dataTable(
    label,
    [
      "Began",
      "Id",
      "State",
      { number: "Size" },
      { number: "Rows" },
      { number: "Duration" },
      "Server",
      ...(nextPrune === undefined ? [] : ["Next prune"]),
    ],
    rows,
  );
}

const states = { restore: "Restore test", archive: "Read back", none: "Not verified", damaged: "Damaged" };

function row(backup: StoredBackup, nextPrune: NextPrune | undefined): Html {
  const { id, startedAt, bytes, manifest, latest, kept } = backup;
  const problem = problemOf(backup);
  const state = stateOf(backup);
  const marks = [...(latest ? ["latest"] : []), ...(kept ? ["keep"] : [])].map(
    (mark) => html` <span class="mark">${mark}</span>`,
  );
  return html`<tr>
    <td>${moment(startedAt)}</td>
    <th scope="row"><code>${id}</code>${marks}</th>
    <td class="${state}">${states[state]}${problem === undefined ? "" : `: ${problem}`}</td>
    <td class="number">${formatBytes(bytes)}</td>
    <td class="number">${manifest && count(rowsOf(manifest))}</td>
    <td class="number">${manifest && isGood(backup) ? duration(secondsOf(manifest)) : ""}</td>
    <td>${manifest?.source.serverVersion}</td>
    ${nextPrune === undefined ? undefined : pruneCell(id, nextPrune)}
  </tr>`;
}

function pruneCell(id: string, { reasons, refusal }: NextPrune): Html {
  if (refusal !== undefined) return html`<td>stays</td>`;
  const why = reasons.get(id) ?? [];
  return why.length === 0 ? html`<td class="going">goes</td>` : html`<td>stays: ${why.join(", ")}</td>`;
}
