import { createHash } from "node:crypto";
import type { Finding, Urgency } from "./findings";
import { html, Html } from "./html";
import type { Reported } from "./reported";
import { anchorOf, historySection } from "./section";
import style from "./style.css";
import type { Verdict } from "./verdict";
import { moment } from "./words";

const mark = '<meta name="generator" content="postgis-backup report">';

/** Whether a page was made by this program, and so may be replaced by a newer one. */
export const isReport = (source: string): boolean => source.slice(0, 1000).includes(mark);

export function page(location: string, reported: readonly Reported[], verdict: Verdict, now: Date): string {
  // Even if a name were taken for HTML, no browser would run or load anything.
  const policy = `default-src 'none'; img-src data:; style-src 'sha256-${createHash("sha256").update(style).digest("base64")}'; base-uri 'none'; form-action 'none'`;
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        ${new Html(mark)}
        <meta http-equiv="Content-Security-Policy" content="${policy}" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>Backups in ${location}: ${verdict.text}</title>
        <link rel="icon" href="data:," />
        ${new Html(`<style>${style}</style>`)}
      </head>
      <body>
        <header class="verdict ${verdict.urgency}">
          <p class="where">Backups in <span class="location">${location}</span></p>
          <h1>${icons[verdict.urgency]} ${verdict.text}</h1>
          <p class="detail">${verdict.detail}</p>
          <p class="asof">As of ${moment(now)} UTC. All times are in UTC.</p>
        </header>
        <main>
          ${contents(reported)} ${reported.map((one) => historySection(one, findingList(one.findings), now))}
        </main>
        <footer>
          Made by <code>postgis-backup report</code>. It does not change by itself: make it again to see newer
          backups.
        </footer>
      </body>
    </html> `.source;
}

const signs: Readonly<Record<Urgency, string>> = { problem: "✕", warning: "!", note: "✓" };

const icons = Object.fromEntries(
  Object.entries(signs).map(([urgency, sign]) => [
    urgency,
    html`<span class="icon" aria-hidden="true">${sign}</span>`,
  ]),
) as Record<Urgency, Html>;

/** Links to the sections, where there are several. */
function contents(reported: readonly Reported[]): Html | undefined {
  if (reported.length < 2) return undefined;
  const links = reported.map(
    ({ history: { title }, findings: [first] }) =>
      html`<li><a class="${first?.urgency ?? "note"}" href="#${anchorOf(title)}">${title}</a></li>`,
  );
  return html`<nav aria-label="Backup names">
    <ul>
      ${links}
    </ul>
  </nav>`;
}

const titles: Readonly<Record<Urgency, string>> = { problem: "Problem", warning: "To look at", note: "Note" };

function findingList(findings: readonly Finding[]): Html | undefined {
  if (findings.length === 0) return undefined;
  const items = findings.map(
    ({ urgency, text, remedy }) =>
      html`<li class="${urgency}">
        <strong>${titles[urgency]}: ${text}</strong>
        <span>${remedy}</span>
      </li>`,
  );
  return html`<ul class="findings">
    ${items}
  </ul>`;
}
