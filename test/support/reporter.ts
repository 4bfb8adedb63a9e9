import path from "node:path";
import Mocha from "mocha";

/** Mocha's own report; then a line for each failure, for who sees the end of a log only; then a line for machines. */
class Reporter extends Mocha.reporters.Spec {
  override done(failures: number, fn: (failures: number) => void): void {
    const { passes, failures: failed, pending } = this.stats;
    for (const test of this.failures) console.log(failureLine(test));
    console.log(`${passes} passed, ${failed} failed${pending > 0 ? `, ${pending} skipped` : ""}`);
    fn(failures);
  }
}

function failureLine({ file, title, err }: Mocha.Test): string {
  const message = (err?.message ?? "").trim().split("\n", 1)[0] ?? "";
  return `${path.basename(file ?? "", ".test.ts")}: ${title.slice(0, 60)}: ${message.slice(0, 80)}`;
}

module.exports = Reporter;
