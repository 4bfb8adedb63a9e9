import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { sql } from "../support/resources";
import { createProject, type Project, removeProject, takeDown, up } from "../support/stack";

/** Every row, index and constraint of the tables, by the server's own words. */
const contents = ["dias_catalogue", "parcel_set", "aois", '"roi2020_S2_signatures"', '"roi2020_S2_hists"']
  .map(
    (name) =>
      `SELECT count(*), md5(string_agg(t::text, E'\\n' ORDER BY t::text COLLATE "C")) FROM ${name} t;`,
  )
  .concat(
    "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename <> 'spatial_ref_sys' ORDER BY 1;",
    `SELECT conrelid::regclass::text COLLATE "C", conname, pg_get_constraintdef(oid) FROM pg_constraint
     WHERE connamespace = 'public'::regnamespace AND conrelid <> 'spatial_ref_sys'::regclass ORDER BY 1, 2;`,
    "SELECT last_value FROM dias_catalogue_id_seq;",
  )
  .join("\n");

describe("a new environment from a backup", function () {
  this.timeout(300_000);
  let source: Project;
  let target: Project;
  let original: string;

  before(async () => {
    [source, target] = [await createProject(), await createProject()];
    const { outputs } = await up(source);
    original = await sql(source.container, contents);
    await target.stack.setConfig("restoreFrom", { value: String(outputs["backupLocation"]) });
    await writeFile(path.join(target.folder, "empty.sql"), "");
    await target.stack.setConfig("initScripts[0]", { value: "empty.sql" }, true);
  });
  after(async () => {
    await removeProject(source);
    await removeProject(target);
  });

  it("comes up with the tables in it, and with a backup of its own", async () => {
    const { outputs } = await up(target);
    assert.equal(await sql(target.container, contents), original);
    assert.deepEqual(outputs["backupTables"], (await source.stack.outputs())["backupTables"]?.value);
  });

  it("does nothing in an up of an environment that has them", async () => {
    await sql(target.container, "DELETE FROM aois");
    const { changes } = await up(target);
    assert.deepEqual(Object.keys(changes), ["same"]);
    assert.equal(await sql(target.container, "SELECT count(*) FROM aois"), "0");
  });

  it("does nothing with a volume that has them, when the stack is new", async () => {
    await takeDown(target);
    await up(target);
    assert.equal(await sql(target.container, "SELECT count(*) FROM aois"), "0");
  });
});
