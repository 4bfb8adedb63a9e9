/** The section of a report about one history. */
import { formatBytes, totalBytes } from "../lib/format";
import type { StoredBackup } from "../repository/repository";
import { backupTable } from "./backup-table";
import { lanes, lineChart, type Tick } from "./charts";
import { extentSection } from "./extents";
import { foreignKeyTable } from "./foreign-keys";
import { type History, restoreTestOf, rowsOf, secondsOf, stateOf } from "./history";
import { html, type Html } from "./html";
import { goes, type NextPrune, type Reported } from "./reported";
import { tableTable } from "./table-table";
import { change, count, day, duration, moment, plural, shortCount, span } from "./words";

export const anchorOf = (title: string): string => encodeURIComponent(title);

export function historySection(
  { history, nextPrune }: Reported,
  findings: Html | undefined,
  now: Date,
): Html {
  const anchor = anchorOf(history.title);
  return html`<section aria-labelledby="${anchor}">
    <h2 id="${anchor}">${history.title}</h2>
    ${subtitle(history)} ${findings} ${tiles(history, nextPrune, now)} ${overTime(history, nextPrune)}
    ${tableTable(history)} ${extentSection(history)} ${foreignKeyTable(history)}
    ${backupTable(history, nextPrune)}
  </section>`;
}

function subtitle({ last, backups }: History): Html | undefined {
  const source = (last ?? backups.findLast(({ manifest }) => manifest !== undefined))?.manifest?.source;
  if (source === undefined) return undefined;
  const { database, container, serverVersion, postgisVersion } = source;
  const postgis = postgisVersion === undefined ? "" : `, PostGIS ${postgisVersion}`;
  return html`<p class="subtitle">
    Database ${database} in container ${container}: PostgreSQL ${serverVersion}${postgis}
  </p>`;
}

const proofs = {
  restore: "it passed a restore test",
  archive: "it was read back to its end",
  none: "it was not verified",
  damaged: "",
} as const;

const ago = (time: Date, now: Date): string => `${span(Math.max(0, now.getTime() - time.getTime()))} ago`;

function tiles(history: History, nextPrune: NextPrune | undefined, now: Date): Html {
  const { backups, last, before } = history;
  const [first] = backups;
  const marked = backups.filter(({ kept }) => kept).length;
  const all = [
    ...(last === undefined
      ? [tile("Last good backup", "None", "", "problem")]
      : lastTiles(last, before, history.good, now)),
    tile(
      "In the repository",
      plural(backups.length, "backup"),
      `${formatBytes(totalBytes(backups))} since ${first === undefined ? "" : day(first.startedAt)}${marked > 0 ? `, ${marked} marked keep` : ""}`,
    ),
    ...(nextPrune === undefined ? [] : [pruneTile(backups, nextPrune)]),
  ];
  return html`<dl class="tiles">${all}</dl>`;
}

function lastTiles(
  last: History["good"][number],
  before: History["before"],
  good: History["good"],
  now: Date,
): Html[] {
  const { manifest, startedAt, bytes } = last;
  const state = stateOf(last);
  const tested = good
    .map(restoreTestOf)
    .filter((test) => test !== undefined)
    .toSorted((one, other) => one.at.getTime() - other.at.getTime())
    .at(-1);
  const tables = manifest.tables.filter(({ kind }) => kind === "table").length;
  return [
    tile(
      "Last good backup",
      ago(startedAt, now),
      `${moment(startedAt)}; ${proofs[state]}`,
      state === "none" ? "warning" : "note",
    ),
    tested === undefined
      ? tile("Last restore test", "Never", "as far as these backups tell")
      : tile(
          "Last restore test",
          ago(tested.at, now),
          `restored and compared in ${duration(tested.seconds)}`,
          "note",
        ),
    tile("Size", formatBytes(bytes), since(bytes, before?.bytes)),
    tile(
      "Rows",
      shortCount(rowsOf(manifest)),
      `in ${plural(tables, "table")}; ${since(rowsOf(manifest), before && rowsOf(before.manifest))}`,
    ),
  ];
}

const since = (now: number, before: number | undefined): string =>
  before === undefined ? "the first one" : `${change(now, before)} since the one before`;

function pruneTile(backups: readonly StoredBackup[], nextPrune: NextPrune): Html {
  const { refusal } = nextPrune;
  if (refusal !== undefined) return tile("Next prune", "Refused", refusal, "warning");
  const going = backups.filter((backup) => goes(backup, nextPrune));
  return tile(
    "Next prune",
    `${count(going.length)} of ${count(backups.length)}`,
    going.length === 0
      ? "would go: the rules keep all"
      : `would go, which frees ${formatBytes(totalBytes(going))}`,
  );
}

function tile(title: string, value: string, detail: string, state = ""): Html {
  return html`<div class="tile ${state}">
    <dt>${title}</dt>
    <dd><span class="value">${value}</span> <span>${detail}</span></dd>
  </div>`;
}

const looks = {
  restore: { lane: "Restore test", color: "var(--good)" },
  archive: { lane: "Read back", color: "var(--accent)" },
  none: { lane: "Not verified", color: "var(--warning)" },
  damaged: { lane: "Damaged", color: "var(--problem)" },
} as const;

function overTime({ title, backups, good }: History, nextPrune: NextPrune | undefined): Html | undefined {
  const [first] = backups;
  const last = backups.at(-1);
  if (first === undefined || last === undefined || first === last) return undefined;
  const range = `from ${day(first.startedAt)} to ${day(last.startedAt)}`;
  const line = (
    what: string,
    value: (backup: History["good"][number]) => number,
    format: (value: number) => string,
  ) => {
    const points = good.map((backup) => ({ time: backup.startedAt, value: value(backup) }));
    const [least, most] = [
      Math.min(...points.map((point) => point.value)),
      Math.max(...points.map((point) => point.value)),
    ];
    const label = `${what} of the backups of ${title} ${range}: from ${format(least)} to ${format(most)}, of the last one ${format(points.at(-1)?.value ?? 0)}`;
    return html`<figure>
      <figcaption>${what}</figcaption>
      ${lineChart(label, points, format)}
    </figure>`;
  };
  const ticks = ticksOf(backups, nextPrune);
  const numbers = [...new Set(ticks.map(({ lane }) => lane))].map(
    (lane) => `${lane.toLowerCase()}: ${ticks.filter((tick) => tick.lane === lane).length}`,
  );
  return html`<h3>Over time</h3>
    <div class="scroll" tabindex="0" role="region" aria-label="Backups over time">
      <figure class="wide">${lanes(`Backups of ${title} ${range}; ${numbers.join(", ")}`, ticks)}</figure>
    </div>
    ${
      good.length < 2
        ? undefined
        : html`<div class="charts">
            ${[
              line("Size", ({ bytes }) => bytes, formatBytes),
              line("Rows", ({ manifest }) => rowsOf(manifest), shortCount),
              line("Duration", ({ manifest }) => secondsOf(manifest), duration),
            ]}
          </div>`
    }`;
}

function ticksOf(backups: readonly StoredBackup[], nextPrune: NextPrune | undefined): Tick[] {
  const tick = ({ id, startedAt, bytes }: StoredBackup, lane: string, color: string): Tick => ({
    ...{ lane, color, time: startedAt },
    title: `${id}, ${formatBytes(bytes)}`,
  });
  const of = (state: keyof typeof looks) =>
    backups
      .filter((backup) => stateOf(backup) === state)
      .map((backup) => tick(backup, looks[state].lane, looks[state].color));
  const kept = backups.filter((backup) => backup.kept);
  const going = backups.filter((backup) => goes(backup, nextPrune));
  return [
    ...[...of("damaged"), ...of("restore"), ...of("archive"), ...of("none")],
    ...kept.map((backup) => tick(backup, "Marked keep", "currentColor")),
    ...going.map((backup) => tick(backup, "Goes next", "var(--muted)")),
  ];
}
