/** Large tables whose rows several sessions load together: `pg_restore` gives each table one. */
import { spawnDocker } from "../docker/docker";
import { callerIds, execArguments, shell } from "../docker/exec";
import { Failure } from "../lib/failure";
import { openCopySession } from "../postgres/archive/copy-session";
import { sqlName } from "../postgres/session/names";
import { together } from "../lib/together";
import { restoreFailure } from "./feed";
import type { LinkedArchive } from "./linked-rows";
import type { RestoreRun } from "./run";
import type { StagedTable } from "./staging";
import { loadSettings } from "./statements";
import canShareRows from "./can-share-rows.sh";
import shareRows from "./share-rows.sh";
import { decompressorOf } from "../postgres/archive/compression";

/** Those that are large enough, if the container has the programs that share out their rows. */
export async function sharedTables(
  { request, target, jobs }: RestoreRun,
  { files }: LinkedArchive,
  tables: readonly StagedTable[],
): Promise<StagedTable[]> {
  const from = request.splitTablesFrom;
  if (from === 0 || jobs < 2) return [];
  // psql's \copy is one line.
  const large = tables.filter(
    ({ recorded, stage, pooled }) => recorded.bytes >= from && !pooled && !/[\r\n]/.test(sqlName(stage)),
  );
  const programs = new Set(large.map((table) => decompressorOf(files.get(table) ?? "")[0] ?? ""));
  for (const program of programs) {
    const probe = execArguments(target, shell(canShareRows, program));
    const { failed } = await spawnDocker(target.docker, probe, { reject: false });
    if (failed) return [];
  }
  return large;
}

/** Each session reads the whole file, and takes every so manyth row of it: nothing stands between the sessions that could fail. */
export async function loadShared(
  { target, jobs, signal }: RestoreRun,
  { path, files }: LinkedArchive,
  tables: readonly StagedTable[],
  searchPath: string,
): Promise<void> {
  const load = (index: number) => async (either: AbortSignal) => {
    const options = { script: shareRows, folder: path, user: callerIds() };
    const session = openCopySession(target, options, either);
    try {
      for (const setting of loadSettings(searchPath)) await session.run(setting);
      for (const table of tables) {
        const file = files.get(table) ?? "";
        const share = `${index + 1}/${jobs}`;
        await session.copy(sqlName(table.stage), "from", [file, share, ...decompressorOf(file)]);
      }
    } catch (error) {
      throw error instanceof Failure ? restoreFailure("rows", error.message) : error;
    } finally {
      await session.close();
    }
  };
  const sessions = Array.from({ length: jobs }, (_, index) => load(index));
  await together(signal, sessions);
  signal.throwIfAborted();
}
