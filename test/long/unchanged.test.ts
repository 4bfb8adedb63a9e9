import { expectWholeBackups } from "../support/random-changes";

describe("backups that share what did not change", function () {
  this.timeout(1_200_000);

  for (let run = 0; run < 3; run++)
    it(`have the rows of their times, 30 of them, run ${run}`, async () => {
      await expectWholeBackups(30, Date.now());
    });

  for (let run = 0; run < 3; run++)
    it(`have the rows of their times where parts of a large table changed, 30 of them, run ${run}`, async () => {
      await expectWholeBackups(30, Date.now(), { rows: 10_000, fillfactor: 10 });
    });
});
