import Mocha from "mocha";

/** Mocha's own report, and a last line that a machine can read. */
class Reporter extends Mocha.reporters.Spec {
  override done(failures: number, fn: (failures: number) => void): void {
    const { passes, failures: failed, pending } = this.stats;
    console.log(`${passes} passed, ${failed} failed${pending > 0 ? `, ${pending} skipped` : ""}`);
    fn(failures);
  }
}

module.exports = Reporter;
