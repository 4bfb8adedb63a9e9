import assert from "node:assert/strict";
import { takeBackup } from "../support/backup";
import { startServer } from "../support/container";
import { removeContainer, removeFolder, sql, temporaryFolder } from "../support/resources";
import { runnerMain } from "../support/runner";
import { onTerminal, words } from "../support/terminal";

/** Rows that take long to be loaded, because a check waits, and to be compared, because a cast does. */
const slowTable = `
CREATE FUNCTION waits() RETURNS boolean LANGUAGE sql AS 'SELECT pg_sleep(0.3) IS NOT NULL';
CREATE TYPE slow AS ENUM ('a');
CREATE FUNCTION bytes_of(slow) RETURNS bytea LANGUAGE sql AS 'SELECT ''a''::bytea WHERE public.waits()';
CREATE CAST (slow AS bytea) WITH FUNCTION bytes_of(slow);
CREATE TABLE slow_rows (id int, value slow, CHECK (waits()));
INSERT INTO slow_rows SELECT g, 'a' FROM generate_series(1, 8) g;`;

describe("progress of a restore, on a terminal", function () {
  this.timeout(120_000);
  let container: string;
  let repository: string;

  before(async () => {
    [repository, container] = await Promise.all([temporaryFolder(), startServer()]);
    await sql(container, slowTable);
    await takeBackup({ container, repository, tables: ["slow_rows"] });
  });
  after(() => Promise.all([removeContainer(container), removeFolder(repository)]));

  const shown = (what: string) =>
    new RegExp(`\\[[= ]+\\] {2}[\\d.]+ k?B of [\\d.]+ kB {2}\\d+ % .*  ${what}`);

  async function restoring(...more: string[]): Promise<string> {
    const command = ["node", runnerMain, "restore", `${repository}/cbm/latest`, "--container", container];
    const { exitCode, written } = await onTerminal(words(...command, ...more));
    assert.equal(exitCode, 0, written);
    return written;
  }

  it("is shown while rows are compared", async () => {
    assert.match(await restoring("--schema", "public=restored"), shown('comparing "restored"."slow_rows"'));
  });

  it("is shown while existing tables are filled, and compared", async () => {
    const written = await restoring("--data-only", "--if-exists", "replace");
    assert.match(written, shown("rows"));
    assert.match(written, shown('comparing "public"."slow_rows"'));
  });
});
