import assert from "node:assert/strict";
import { execa } from "execa";
import { dumping, type Fixture, backupFixture, startBackup, takeBackup } from "../support/backup-fixture";
import { TestContainer } from "../support/container";
import { environment } from "../support/environment";
import { expectNothingLost, rememberBackups } from "../support/nothing-lost";
import { SecondDaemon } from "../support/second-daemon";

/** Needs the right to start a daemon. */
describe("a backup whose Docker daemon", function () {
  this.timeout(300_000);
  const machines = process.env["DOCKER_HOST"];
  let daemon: SecondDaemon;
  let fixture: Fixture;

  before(async () => {
    const { image } = await environment;
    daemon = await SecondDaemon.create();
    await daemon.start();
    await daemon.load(image);
    // All that the tests and the runner do with Docker is now done there.
    process.env["DOCKER_HOST"] = daemon.address;
    fixture = await backupFixture({ options: ["--network", "none"], ownData: true });
  });
  after(async () => {
    await fixture.remove();
    if (machines === undefined) delete process.env["DOCKER_HOST"];
    else process.env["DOCKER_HOST"] = machines;
    await daemon.remove();
  });

  for (const { title, signal, message } of [
    { title: "is killed", signal: "SIGKILL", message: /No Docker daemon answers/ },
    {
      title: "is restarted",
      signal: "SIGTERM",
      message: /No Docker daemon answers|stopped while it was in use/,
    },
  ] as const) {
    it(`${title} ends and keeps nothing`, async () => {
      const { container } = fixture;
      const args = { container, repository: fixture.repository({ mounted: true }) };
      await takeBackup({ ...args, table: "small" });
      const before = await rememberBackups(container, args.repository);
      const { ended } = startBackup({ ...args, table: "large" });
      await dumping(container);
      const struck = performance.now();
      const gone = daemon.end(signal);
      const outcome = await ended;
      const seconds = (performance.now() - struck) / 1000;
      assert.ok(seconds < 12, `the runner took ${seconds.toFixed(1)} s to give up`);
      await gone;
      await daemon.start();
      await execa("docker", ["start", container]);
      await new TestContainer(container).ready();
      const code = outcome.stderr.includes("[container-lost]") ? "container-lost" : "docker-unreachable";
      await expectNothingLost(before, outcome, { code, message });
      await takeBackup({ ...args, table: "small" });
    });
  }
});
