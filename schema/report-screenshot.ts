/** Takes the picture of a report that README.md shows: `npm run screenshot`. It wants Chromium, which `make setup-tests` installs. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";
import { report } from "../runner/report";
import { pastOf } from "../test/support/report-history";

const until = new Date("2026-11-29T02:15:00Z");
const tables = ["dias_catalogue", "parcel_set", "roi2020_S2_signatures", "roi2020_S2_hists"];

async function main(): Promise<void> {
  const folder = mkdtempSync(path.join(os.tmpdir(), "report-"));
  try {
    const file = path.join(folder, "report.html");
    const backups = pastOf({ backups: 60, tables, until });
    const retention = { keepDaily: 14, keepMonthly: 12 };
    const now = new Date("2026-11-29T08:00:00Z");
    writeFileSync(file, report({ location: "/srv/platform/backups", backups, retention, now }).page);
    // As root, the browser cannot have a sandbox.
    const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox"] });
    try {
      const page = await browser.newPage({ viewport: { width: 1280, height: 860 } });
      await page.goto(pathToFileURL(file).href);
      await page.screenshot({ path: path.join(__dirname, "..", "docs", "report.png") });
    } finally {
      await browser.close();
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
}

void main();
