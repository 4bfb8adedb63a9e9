import assert from "node:assert/strict";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";
import { backupIds, TestAgent } from "../support/agent";
import { startServer } from "../support/container";
import { removeContainer, removeFolder, sql, temporaryFolder } from "../support/resources";
import { runRunner } from "../support/runner";

const periodSeconds = 30;
const restartsForEach = 5;
const periods = 4;

describe("an agent whose database is restarted over and over", function () {
  this.timeout(600_000);
  let container: string;
  let folder: string;

  before(async () => {
    folder = await temporaryFolder();
    container = await startServer();
    await sql(container, "CREATE TABLE parcel_set AS SELECT g AS id FROM generate_series(1, 200000) g");
  });
  after(async () => {
    await removeContainer(container);
    await removeFolder(folder);
  });

  it(`takes each backup that is due, through ${restartsForEach * periods} restarts`, async () => {
    const repository = path.join(folder, "backups");
    const agent = await TestAgent.start(folder, {
      repository,
      retry: { first: "1s", most: "4s" },
      jobs: [
        {
          name: "cbm",
          source: { container },
          tables: ["parcel_set"],
          schedule: `*/${periodSeconds} * * * * *`,
        },
      ],
    });
    try {
      await agent.logged(/is complete/);
      for (let period = 1; period <= periods; period++) {
        await nextDue();
        for (let restart = 0; restart < restartsForEach; restart++) {
          await sleep(Math.random() * 1500);
          await execa("docker", ["restart", "--time", "5", container]);
        }
        await agent.logged(/is complete/, period + 1);
      }
    } finally {
      assert.equal(await agent.stop(), 0, agent.log);
    }
    assert.match(agent.log, /It is tried again at/, "no restart met a backup");
    const ids = await backupIds(repository, "cbm");
    // Each in a period of its own, and none without one.
    const inPeriods = ids.map((id) => Math.floor(timeOf(id) / 1000 / periodSeconds));
    const first = inPeriods[0] ?? 0;
    assert.deepEqual(
      inPeriods,
      Array.from({ length: periods + 1 }, (_, index) => first + index),
      agent.log,
    );
    for (const id of ids) {
      const { exitCode, stderr } = await runRunner(["verify", `${repository}/cbm/${id}`]);
      assert.equal(exitCode, 0, stderr);
    }
  });
});

/** Waits until shortly after the next time of the schedule. */
async function nextDue(): Promise<void> {
  const period = periodSeconds * 1000;
  await sleep(period - (Date.now() % period) + 200);
}

const timeOf = (id: string) =>
  Date.parse(id.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, "$1-$2-$3T$4:$5:$6Z"));
