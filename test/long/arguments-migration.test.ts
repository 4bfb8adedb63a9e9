import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import path from "node:path";
import { migration, type Effect, type Fixture } from "../../schema/argument-effects";
import { allOf, changesOf, expectShown, wrongRuns } from "../support/argument-table";
import { type Applied, ComponentStack } from "../support/component-stack";
import { docker } from "../support/container";
import { type MigrationPair, startPair } from "../support/migration-pair";
import { queryPort } from "../support/port-client";
import { removeFolder, temporaryFolder } from "../support/resources";

describe("every argument of a Migration", function () {
  this.timeout(400_000);
  let pair: MigrationPair;
  let folder: string;
  let stack: ComponentStack;
  let base: Record<string, unknown>;

  before(async () => {
    folder = await temporaryFolder();
    pair = await startPair("CREATE TABLE marker (id int PRIMARY KEY); INSERT INTO marker VALUES (42)");
    stack = await ComponentStack.create("Migration");
    base = {
      ...{ from: { container: pair.oldServer }, to: { container: pair.newServer } },
      ...{ repository: path.join(folder, "backups"), backupName: "cbm" },
    };
  });
  after(async () => {
    await stack.remove();
    await pair.remove();
    await removeFolder(folder);
  });

  async function succeed(args: object): Promise<Applied> {
    const applied = await stack.up(args);
    assert.ok(!applied.failed, applied.log);
    return applied;
  }
  const changes = (...effects: Effect[]) => changesOf(migration, effects, { folder } as Fixture);
  const rows = () => queryPort(pair.port, "SELECT id FROM marker ORDER BY id");
  const running = async () => (await docker("inspect", "--format={{.State.Running}}", pair.oldServer)).output;

  it("is refused where its value is wrong, while the old server runs on with its port", async () => {
    for (const values of wrongRuns(migration, { folder } as Fixture)) {
      const { failed, log } = await stack.up({ ...base, ...allOf(values) });
      assert.ok(failed);
      for (const { name, says } of values) assert.match(log, says, name);
      assert.equal(await running(), "true");
      assert.deepEqual(await rows(), [{ id: 42 }]);
    }
  });

  it("migrates once, whatever else is changed, and loses nothing that was written since", async () => {
    await succeed(base);
    assert.equal(await running(), "false");
    await queryPort(pair.port, "INSERT INTO marker VALUES (43)");
    const backups = await readdir(path.join(folder, "backups", "cbm"));

    const quiet = changes("noMigration");
    const same = await succeed({ ...base, ...quiet });
    assert.equal(same.steps["migrate"]?.op, "update");
    const changed = changes("portAgain");
    const again = await succeed({ ...base, ...quiet, ...changed });
    expectShown(migration, Object.keys(changed), again, true);
    const { failed, log } = await stack.up({ ...base, from: { container: pair.newServer } });
    assert.ok(failed);
    assert.match(log, /error\[already-migrated\]/);
    assert.deepEqual(await rows(), [{ id: 42 }, { id: 43 }]);
    assert.deepEqual(await readdir(path.join(folder, "backups")), ["cbm"]);
    assert.deepEqual(await readdir(path.join(folder, "backups", "cbm")), backups);
  });

  it("removes the old server in a step of its own", async () => {
    await succeed({ ...base, ...changes("removal") });
    assert.equal((await docker("inspect", pair.oldServer)).code, 1);
    assert.deepEqual(await rows(), [{ id: 42 }, { id: 43 }]);
  });
});
