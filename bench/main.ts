/** `make bench`: measures, writes the report, and prints which targets are met. */
import { mkdir, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { sql } from "../test/support/resources";
import { backupGroup } from "./cases/backup";
import {
  createNightlyTables,
  changedRows,
  nightlyTables,
  oneTableGroup,
  tenTablesGroup,
} from "./cases/nightly";
import { installPgBackRest, pgBackRestGroup } from "./cases/pgbackrest";
import { idleGroup } from "./cases/idle";
import { largeGroup } from "./cases/large";
import { largeTable, partsGroup } from "./cases/parts";
import { restoreGroup } from "./cases/restore";
import { emptyGroup, manyGroup } from "./cases/small";
import { charts } from "./charts";
import { commandLine } from "./command-line";
import { describeMachine, type Machine } from "./machine";
import { measure } from "./measure";
import { type BenchOptions, readOptions } from "./options";
import { figures, lastResult, page } from "./pages";
import { report } from "./report";
import type { BenchResult, NightlyResult, Sample } from "./result";
import { type GroupResult, measureGroup } from "./rounds";
import { database, type Fixture, withFixture } from "./fixture";
import { nightlyVerdicts, verdicts } from "./targets";
import type { Group } from "./contender";

type Measured = (group: Group) => Promise<GroupResult>;

const measuring =
  (fixture: Fixture, rounds: number): Measured =>
  async (group) => {
    try {
      return await measureGroup(group, {
        rounds,
        measure: (contender) => measure(fixture, contender),
        describe: (command) => commandLine(command, fixture),
        note,
      });
    } finally {
      await group.remove?.();
    }
  };

/** All cases, or those that are asked for with the last figures of the others. */
async function bench(fixture: Fixture, options: BenchOptions, loadBefore: number): Promise<BenchResult> {
  const machine = await describeMachine(fixture, loadBefore);
  const single = options.only === "nightly" ? lastResult() : await benchSingle(fixture, options, machine);
  const nightly =
    options.only === "single" ? lastResult().nightly : await benchNightly(fixture, options, machine);
  return { ...single, ...(nightly === undefined ? {} : { nightly }) };
}

/** Each job once, without an earlier backup. */
async function benchSingle(
  fixture: Fixture,
  { scale, rounds, smallTables }: BenchOptions,
  machine: Machine,
): Promise<Omit<BenchResult, "nightly">> {
  const diskBytes = Math.min(1 << 30, Math.max(1 << 24, scale * 100));
  const measured = measuring(fixture, rounds);
  return {
    machine,
    rounds,
    sample: await describeSample(fixture),
    smallTables,
    diskBytes,
    jobs: fixture.jobs,
    groups: {
      // These run one after another, in this order.
      parts: await measured(await partsGroup(fixture, diskBytes)),
      backup: await measured(backupGroup(fixture)),
      largeTable: await measured(largeGroup(fixture, machine.cores)),
      restore: await measured(await restoreGroup(fixture)),
      emptyTable: await measured(await emptyGroup(fixture)),
      manyTables: await measured(await manyGroup(fixture, smallTables)),
      idleUp: await measured(await idleGroup(fixture)),
    },
  };
}

/** The last case, because pgBackRest needs a server without the sample tables. */
async function benchNightly(
  fixture: Fixture,
  { rounds, nightlyRows: rows }: BenchOptions,
  machine: Machine,
): Promise<NightlyResult> {
  const measured = measuring(fixture, rounds);
  note(`Creating ${nightlyTables.length} tables of ${rows} rows …`);
  const tableBytes = await createNightlyTables(fixture, rows);
  const tenTables = await measured(await tenTablesGroup(fixture, rows));
  const oneTable = await measured(await oneTableGroup(fixture));
  const version = await installPgBackRest(fixture).catch((error: unknown) => {
    fixture.signal.throwIfAborted();
    note(`pgBackRest is not measured: ${error instanceof Error ? error.message : String(error)}`);
    return undefined;
  });
  return {
    machine,
    rounds,
    jobs: fixture.jobs,
    tables: nightlyTables.length,
    rows,
    tableBytes,
    changedRows: changedRows(rows),
    groups: {
      tenTables,
      oneTable,
      ...(version === undefined ? {} : { pgBackRest: await measured(await pgBackRestGroup(fixture, rows)) }),
    },
    pgBackRest: version ?? "its package could not be installed",
  };
}

async function describeSample({ container }: Fixture): Promise<Sample> {
  const query = `SELECT count(*), pg_table_size('"${largeTable}"'), pg_database_size(current_database()) FROM "${largeTable}"`;
  const [rows = NaN, tableBytes = NaN, databaseBytes = NaN] = (await sql(container, query, database))
    .split("|")
    .map(Number);
  return { rows, tableBytes, databaseBytes };
}

async function write(folder: string, result: BenchResult): Promise<void> {
  await mkdir(folder, { recursive: true });
  const files = {
    [page]: report(result),
    [figures]: `${JSON.stringify(result, null, 2)}\n`,
    ...charts(result),
  };
  for (const [name, content] of Object.entries(files)) await writeFile(path.join(folder, name), content);
}

function note(line: string): void {
  console.error(line);
}

async function main(): Promise<void> {
  const options = readOptions(process.env);
  const interrupted = new AbortController();
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
    process.on(name, () => {
      note(`${name}: removing containers and files …`);
      interrupted.abort(new Error(`interrupted by ${name}; nothing was written`));
    });
  const [loadBefore = 0] = os.loadavg();
  const rows = options.only === "nightly" ? options.nightlyRows : options.scale;
  note(`Creating ${rows} signature rows …`);
  const result = await withFixture(rows, interrupted.signal, (fixture) =>
    bench(fixture, options, loadBefore),
  );
  await write(options.output, result);
  for (const { target, limit, measured, met } of options.only === "nightly" && result.nightly
    ? nightlyVerdicts(result.nightly)
    : verdicts(result))
    console.log(`${met ? "met    " : "NOT MET"}  ${target}: ${measured} (${limit})`);
  console.log(`\nThe report is in ${path.join(options.output, "performance.md")}`);
}

main().catch((error: unknown) => {
  console.error(`error: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
});
