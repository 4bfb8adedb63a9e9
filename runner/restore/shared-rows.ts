/** Large tables whose rows several sessions load together: `pg_restore` gives each table one. */
import { dockerOutput } from "../docker/docker";
import { callerIds, execArguments } from "../docker/exec";
import { Failure } from "../lib/failure";
import { decompressor } from "../postgres/archive/compressor";
import { openCopySession } from "../postgres/archive/copy-session";
import { sqlName } from "../postgres/session/names";
import { restoreFailure } from "./feed";
import type { LinkedArchive } from "./linked-rows";
import type { RestoreRun } from "./run";
import type { StagedTable } from "./staging";
import { loadSettings } from "./statements";
import { together } from "../lib/concurrency";

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
  const programs = new Set(large.map((table) => decompressor(files.get(table) ?? "")));
  for (const program of programs) {
    const probe = `printf '1\\n2\\n3\\n4\\n\\n\\n\\n' | ${share(1, 2)} && command -v ${program}`;
    const found = await dockerOutput(target.docker, execArguments(target, ["sh", "-c", `${probe} || :`]));
    if (!found.startsWith("2\n4\n/")) return [];
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
    const options = { variables: { [folderVariable]: path }, user: callerIds() };
    const session = openCopySession(target, options, either);
    try {
      for (const setting of loadSettings(searchPath)) await session.run(setting);
      for (const table of tables) {
        const file = files.get(table) ?? "";
        const program = `${decompressor(file)} <"$${folderVariable}/${file}" | ${share(index, jobs)}`;
        await session.copy(sqlName(table.stage), "from", program);
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

const folderVariable = "POSTGIS_BACKUP_FOLDER";

/** All rows go to one of the shares; three lines follow the last row of a file, the first of them `\.`. */
function share(index: number, count: number): string {
  return `head -n -3 | split -n r/${index + 1}/${count}`;
}
