/** `make bench`: measures, writes the report, and prints which targets are met. */
import { mkdir, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { sql } from "../test/support/resources";
import { backupGroup } from "./cases/backup";
import { idleGroup } from "./cases/idle";
import { largeGroup } from "./cases/large";
import { largeTable, partsGroup } from "./cases/parts";
import { restoreGroup } from "./cases/restore";
import { emptyGroup, manyGroup } from "./cases/small";
import { charts } from "./charts";
import { commandLine } from "./command-line";
import { describeMachine } from "./machine";
import { measure } from "./measure";
import { type BenchOptions, readOptions } from "./options";
import { figures, page } from "./pages";
import { report } from "./report";
import type { BenchResult, Sample } from "./result";
import { type GroupResult, measureGroup } from "./rounds";
import { database, type Fixture, withFixture } from "./fixture";
import { verdicts } from "./targets";
import type { Group } from "./contender";

async function bench(fixture: Fixture, options: BenchOptions, loadBefore: number): Promise<BenchResult> {
  const { scale, rounds, smallTables } = options;
  const diskBytes = Math.min(1 << 30, Math.max(1 << 24, scale * 100));
  const measured = async (group: Group): Promise<GroupResult> => {
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
  const machine = await describeMachine(fixture, loadBefore);
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
  note(`Creating ${options.scale} signature rows …`);
  const result = await withFixture(options.scale, interrupted.signal, (fixture) =>
    bench(fixture, options, loadBefore),
  );
  await write(options.output, result);
  for (const { target, limit, measured, met } of verdicts(result))
    console.log(`${met ? "met    " : "NOT MET"}  ${target}: ${measured} (${limit})`);
  console.log(`\nThe report is in ${path.join(options.output, "performance.md")}`);
}

main().catch((error: unknown) => {
  console.error(`error: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
});
