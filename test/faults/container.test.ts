import assert from "node:assert/strict";
import { execa } from "execa";
import {
  dumping,
  type Fixture,
  backupFixture,
  startBackup,
  takeBackup,
  ways,
} from "../support/backup-fixture";
import { TestContainer } from "../support/container";
import { type Expected, expectNothingLost, rememberBackups } from "../support/nothing-lost";

const someWays = ways.filter(
  ({ format, mounted }) => mounted === (format === "directory") && format !== "plain",
);

const faults: readonly (Expected & { title: string; command: string[]; undo?: string[] })[] = [
  {
    title: "is killed",
    command: ["kill"],
    undo: ["start"],
    code: "container-lost",
    message: /Container ".*" stopped while it was in use: it is exited with exit code 137;.*docker logs/,
    container: "gone",
  },
  {
    title: "is stopped",
    command: ["stop"],
    undo: ["start"],
    code: "container-lost",
    message: /Container ".*" stopped while it was in use: it is exited with exit code 0;/,
    container: "gone",
  },
  {
    title: "is restarted",
    command: ["restart"],
    code: "container-lost",
    message: /Container ".*" was restarted while it was in use/,
  },
  {
    title: "is paused",
    command: ["pause"],
    code: "container-not-running",
    message: /Container ".*" was paused while it was in use\. Run "docker unpause/,
  },
  {
    title: "is removed",
    command: ["rm", "--force", "--volumes"],
    code: "container-lost",
    message: /Container ".*" was removed while it was in use/,
    container: "gone",
  },
];

describe("a backup whose container", function () {
  this.timeout(120_000);

  for (const way of someWays) {
    describe(`(${way.title})`, () => {
      let fixture: Fixture;
      before(async () => {
        fixture = await backupFixture();
      });
      after(() => fixture.remove());

      const some = way.mounted ? faults : faults.filter(({ title }) => /killed|paused/.test(title));
      for (const { title, command, undo, ...expected } of some) {
        it(`${title} ends within ten seconds and keeps nothing`, async () => {
          const { container } = fixture;
          const args = { container, repository: fixture.repository(way), format: way.format };
          await takeBackup({ ...args, table: "small" });
          const before = await rememberBackups(container, args.repository);
          const { ended } = startBackup({ ...args, table: "large" });
          await dumping(container);
          const struck = performance.now();
          const strike = execa("docker", [...command, container]);
          const outcome = await ended;
          const seconds = (performance.now() - struck) / 1000;
          await strike;
          assert.ok(seconds < 12, `the runner took ${seconds.toFixed(1)} s to give up`);
          if (title === "is paused") await execa("docker", ["unpause", container]);
          await expectNothingLost(before, outcome, expected);
          if (undo === undefined) return;
          await execa("docker", [...undo, container]);
          await new TestContainer(container).ready();
        });
      }
    });
  }
});
