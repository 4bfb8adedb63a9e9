import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import Mocha from "mocha";

interface Timed {
  readonly what: string;
  readonly milliseconds: number;
}

/** What is told at the end. */
interface Report {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  /** One line each; the first ones say more, because one fault can fail the tests that follow. */
  readonly failures: readonly string[];
  readonly tests: readonly Timed[];
  /** With their hooks. */
  readonly files: readonly Timed[];
}

const { EVENT_TEST_END, EVENT_HOOK_END } = Mocha.Runner.constants;
const nothing: Report = { passed: 0, failed: 0, skipped: 0, failures: [], tests: [], files: [] };

/** `make test` runs mocha twice: the second run reports what the first one left in this file, too. */
const reportFile = process.env["TEST_REPORT"];

/**
 * Mocha's own report; then the slowest tests and files; then a line for each failure, for those who see the end of a log
 * only; then a line for machines.
 */
class Reporter extends Mocha.reporters.Spec {
  private readonly earlier = readReport();
  private readonly tests: Timed[] = [];
  private readonly files = new Map<string, number>();

  constructor(runner: Mocha.Runner, options?: Mocha.MochaOptions) {
    super(runner, options);
    // Where mocha itself dies, this is what the next run finds.
    const died = { ...nothing, failed: 1, failures: ["mocha: a run did not reach its end"] };
    saveReport(sum(this.earlier, died));
    runner.on(EVENT_TEST_END, (test: Mocha.Test) => {
      this.tests.push({ what: `${nameOf(test)}: ${test.title}`, milliseconds: test.duration ?? 0 });
      this.addTime(test);
    });
    runner.on(EVENT_HOOK_END, (hook: Mocha.Hook) => {
      this.addTime(hook);
    });
  }

  override done(failures: number, fn: (failures: number) => void): void {
    const report = sum(this.earlier, {
      ...{ passed: this.stats.passes, failed: this.stats.failures, skipped: this.stats.pending },
      failures: this.failures.map((test, index) => failureLine(test, index < 4 ? 240 : 80)),
      tests: slowest(this.tests),
      files: [...this.files].map(([what, milliseconds]) => ({ what, milliseconds })),
    });
    saveReport(report);
    printReport(report);
    fn(failures);
  }

  private addTime(runnable: Mocha.Runnable): void {
    const name = nameOf(runnable);
    if (name !== "") this.files.set(name, (this.files.get(name) ?? 0) + (runnable.duration ?? 0));
  }
}

/** Empty for hooks of no file. */
function nameOf({ file }: Mocha.Runnable): string {
  return file === undefined ? "" : path.relative("test", file).replace(/\.test\.ts$/, "");
}

function failureLine(test: Mocha.Test, length: number): string {
  const message = (test.err?.message ?? "")
    .replace("Expected values to be strictly deep-equal:", "")
    .replaceAll(/\s+/g, " ")
    .trim();
  return `${nameOf(test)}: ${test.title.slice(0, 60)}: ${message.slice(0, length)}`;
}

function sum(a: Report, b: Report): Report {
  return {
    passed: a.passed + b.passed,
    failed: a.failed + b.failed,
    skipped: a.skipped + b.skipped,
    failures: [...a.failures, ...b.failures],
    tests: slowest([...a.tests, ...b.tests]),
    files: [...a.files, ...b.files],
  };
}

function slowest(timed: readonly Timed[]): Timed[] {
  return timed.toSorted((a, b) => b.milliseconds - a.milliseconds).slice(0, 20);
}

function printReport({ passed, failed, skipped, failures, tests, files }: Report): void {
  const seconds = ({ what, milliseconds }: Timed) =>
    `${(milliseconds / 1000).toFixed(1).padStart(7)} s  ${what.slice(0, 100)}`;
  const list = (title: string, timed: readonly Timed[]) => {
    const lines = timed.filter(({ milliseconds }) => milliseconds >= 1000).map(seconds);
    if (lines.length > 0) console.log([`${title}:`, ...lines, ""].join("\n"));
  };
  list("The slowest tests", tests);
  list("The slowest files, with their hooks", slowest(files));
  for (const line of failures) console.log(line);
  console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`);
}

function readReport(): Report {
  const text = reportFile === undefined ? "" : readFileSync(reportFile, "utf8");
  return text === "" ? nothing : (JSON.parse(text) as Report);
}

function saveReport(report: Report): void {
  if (reportFile !== undefined) writeFileSync(reportFile, JSON.stringify(report));
}

module.exports = Reporter;
