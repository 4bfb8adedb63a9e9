import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { type Browser, chromium, type Page } from "playwright-core";
import { report } from "../../runner/report";
import { removeFolder, temporaryFolder } from "../support/resources";
import { pastOf } from "../support/report-history";

const hostile = `<script>alert(1)</script>"'><img src=https://example.org/x onerror=alert(2)>`;
const now = new Date("2026-11-29T16:00:00Z");

/** Backups of 20 tables, of which one is damaged and others are marked. */
function backups(number: number) {
  const tables = Array.from({ length: 20 }, (_, index) =>
    index === 7 ? hostile : `roi20${index}_signatures`,
  );
  const all = pastOf({ backups: number, tables, until: new Date("2026-11-29T13:00:00Z") });
  return all.map((backup, index) => {
    if (index === number - 10) return { ...backup, problem: `${hostile} is missing` };
    if (index !== number - 1 || backup.manifest === undefined)
      return { ...backup, kept: index % 100 === 0, problem: undefined };
    const [table, ...rest] = backup.manifest.tables;
    const extents = [
      { column: hostile, srid: 4326, box: [3.4, 50.7, 7.2, 53.6], degrees: [3.4, 50.7, 7.2, 53.6] },
    ];
    return {
      ...backup,
      problem: undefined,
      manifest: { ...backup.manifest, tables: [{ ...table, extents }, ...rest] },
    };
  }) as Parameters<typeof report>[0]["backups"];
}

describe("the page of a report, in a browser", function () {
  this.timeout(120_000);
  let folder: string;
  let browser: Browser;

  before(async () => {
    folder = await temporaryFolder();
    const retention = { keepDaily: 7, keepMonthly: 12 };
    for (const number of [60, 1000]) {
      const { page } = report({ location: "/srv/backups", backups: backups(number), retention, now });
      await writeFile(path.join(folder, `${number}.html`), page);
    }
    // As root, the browser cannot have a sandbox.
    browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox"] });
  });
  after(async () => {
    await browser.close();
    await removeFolder(folder);
  });

  /** Opens the page; what the browser said and asked for meanwhile. */
  async function opened(number: 60 | 1000, options: Parameters<Browser["newPage"]>[0] = {}) {
    const url = pathToFileURL(path.join(folder, `${number}.html`)).href;
    const page = await browser.newPage(options);
    const noticed: string[] = [];
    page.on("console", (message) => noticed.push(message.text()));
    page.on("pageerror", (error) => noticed.push(error.message));
    page.on("dialog", (dialog) => noticed.push(dialog.message()));
    page.on("request", (request) => {
      if (request.url() !== url && !request.url().startsWith("data:")) noticed.push(request.url());
    });
    await page.goto(url, { waitUntil: "load" });
    return { page, noticed };
  }

  const violations = async (page: Page) => {
    const axe = await readFile(require.resolve("axe-core/axe.min.js"), "utf8");
    // Evaluated as the developer tools do it, because the page itself runs no script.
    await page.evaluate(axe);
    const found = await page.evaluate<{ violations: { id: string; nodes: { html: string }[] }[] }>(
      "axe.run()",
    );
    return found.violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html ?? ""}`);
  };

  for (const colorScheme of ["light", "dark"] as const) {
    it(`loads nothing, runs nothing and is accessible, ${colorScheme}`, async () => {
      const { page, noticed } = await opened(60, { colorScheme, viewport: { width: 1200, height: 900 } });
      assert.deepEqual(noticed, []);
      assert.deepEqual(await violations(page), []);
      const background = await page.evaluate<string>("getComputedStyle(document.body).backgroundColor");
      assert.equal(background, colorScheme === "light" ? "rgb(246, 247, 249)" : "rgb(18, 22, 28)");
      await page.close();
    });
  }

  it("shows a hostile name as text", async () => {
    const { page } = await opened(60);
    assert.ok(await page.getByRole("rowheader", { name: `public.${hostile}`, exact: true }).isVisible());
    assert.equal(await page.evaluate("document.querySelectorAll('script, img').length"), 0);
    await page.close();
  });

  it("of 1,000 backups is there in under 3 s, and every chart has a name", async () => {
    const { page } = await opened(1000);
    const loaded = await page.evaluate<number>("performance.getEntriesByType('navigation')[0].domComplete");
    assert.ok(loaded < 3000, `${loaded} ms`);
    const charts = page.getByRole("img", { name: /\w{4}/ });
    assert.equal(await charts.count(), await page.locator("svg").count());
    assert.ok((await charts.count()) > 40);
    await page.close();
  });

  it("fits a phone, and opens the older backups by keyboard", async () => {
    const { page } = await opened(1000, { viewport: { width: 390, height: 844 } });
    assert.ok((await page.evaluate<number>("document.documentElement.scrollWidth")) <= 390);
    await page.locator("summary").focus();
    await page.keyboard.press("Enter");
    assert.ok(await page.getByText("20240305T130000Z", { exact: true }).isVisible());
    await page.close();
  });
});
