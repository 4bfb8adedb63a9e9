import { mkdir } from "node:fs/promises";
import path from "node:path";
import { execa } from "execa";
import type { ArchiveFormat } from "../../runner/request";
import { backupArguments, takeBackup as takeChecked } from "./backup";
import { type ServerOptions, startServer } from "./container";
import { removeContainer, removeFolder, sql, temporaryFolder } from "./resources";
import { runnerMain } from "./runner";

const largeTable = (rows: number, noise: string) => `
CREATE TABLE small AS SELECT 1 AS x;
CREATE TABLE large AS SELECT g, ${noise} AS noise FROM generate_series(1, ${rows}) g;`;

const digits = "md5(g::text) || md5((-g)::text)";

/** With many rows, for faults while they are counted, and for archives of some size. */
export const tables = (rows = 1_500_000) => largeTable(rows, digits);

/**
 * With rows that take seconds to dump with the compression below, for a fault to strike meanwhile: on text of four letters
 * gzip:9 takes over ten times as long as on others, because it finds a match everywhere.
 */
export const slowTables = largeTable(120_000, `translate(${digits}, '0123456789abcdef', 'ACGTACGTACGTACGT')`);

/** How the archive is written. */
export interface Way {
  readonly title: string;
  readonly format: ArchiveFormat;
  /** Whether the container sees the folder. */
  readonly mounted: boolean;
}

export const ways: readonly Way[] = [
  { title: "directory", format: "directory", mounted: true },
  { title: "custom, mounted", format: "custom", mounted: true },
  { title: "custom, streamed", format: "custom", mounted: false },
  { title: "plain, streamed", format: "plain", mounted: false },
  { title: "plain, mounted", format: "plain", mounted: true },
];

/** A server with a table that takes a while to dump, and a complete backup for a fault to spoil. */
export interface Fixture {
  readonly container: string;
  /** The backup directory in the container's mount, or one that the container does not see. */
  readonly repository: (way: Pick<Way, "mounted">) => string;
  readonly remove: () => Promise<void>;
}

/** By default in a folder of its own, which goes with the fixture. */
export async function backupFixture({
  statements = slowTables,
  folder: given,
  ...options
}: { statements?: string; folder?: string } & ServerOptions = {}): Promise<Fixture> {
  const folder = given ?? (await temporaryFolder());
  const mounted = path.join(folder, "mounted");
  await mkdir(mounted);
  const container = await startServer({ ...options, mount: mounted });
  await sql(container, statements);
  return {
    container,
    repository: (way) => (way.mounted ? mounted : path.join(folder, "elsewhere")),
    remove: async () => {
      await removeContainer(container);
      if (given === undefined) await removeFolder(folder);
    },
  };
}

export interface BackupArguments {
  readonly container: string;
  readonly repository: string;
  readonly table: string;
  readonly format?: string;
  readonly more?: readonly string[];
}

function optionsOf({ container, repository, table, format = "directory", more = [] }: BackupArguments) {
  const how = ["--format", format, "--compression", "gzip:9", ...more];
  return { container, repository, tables: [table], more: how };
}

export interface Outcome {
  readonly exitCode: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
  /** Seconds from the start to the end. */
  readonly seconds: number;
}

/** Starts the runner; `ended` gives what became of it. */
export function startBackup(args: BackupArguments, env: Record<string, string> = {}) {
  const started = performance.now();
  const child = execa("node", [runnerMain, ...backupArguments(optionsOf(args))], {
    reject: false,
    env,
    stdin: "ignore",
  });
  const ended = child.then(({ exitCode, stdout, stderr }): Outcome => ({
    exitCode,
    stdout,
    stderr,
    seconds: (performance.now() - started) / 1000,
  }));
  return { child, ended };
}

/** A backup that must succeed; gives its id. */
export async function takeBackup(args: BackupArguments): Promise<string> {
  const { result } = await takeChecked(optionsOf(args));
  return result.backupId;
}

/** Waits until a session of the runner runs such a query; gives the process id of its backend. */
export async function sessionRunning(
  container: string,
  query: string,
  database = "postgres",
): Promise<number> {
  const look = onceSessionIs(`query LIKE '${query}'`, "set_config('found.pid', pid::text, false)");
  return Number(await sql(container, `${look}; SELECT current_setting('found.pid')`, database));
}

/** Of sessions that count rows, as SQL's LIKE takes it in a literal. */
export const countQuery = "SELECT to_jsonb(q) FROM (SELECT jsonb_%(measure%";

/** Of those that compare tables with an earlier backup. */
export const compareQuery = `${countQuery}hashtidextended%`;

export const dumping = (container: string) => sessionRunning(container, "COPY public.large%");

/**
 * What the client of a session hears that was ended while it sent rows: the server's words, or none of them where its
 * socket was full just then (`ProcessClientWriteInterrupt` of PostgreSQL's source drops them), and libpq's instead.
 */
export const endedWhileSending = "(administrator command|server closed the connection)";

/** Ends the first sessions of the runner that such a condition on pg_stat_activity is true of. */
export async function terminateSession(container: string, condition: string): Promise<void> {
  await sql(container, onceSessionIs(condition, "pg_terminate_backend(pid)"));
}

/** Looks from within the server, because a query or a state can be over before another `docker exec` has begun. */
function onceSessionIs(condition: string, action: string): string {
  return `DO $$
    BEGIN
      FOR attempt IN 1..20000 LOOP
        PERFORM pg_stat_clear_snapshot();
        PERFORM ${action} FROM pg_stat_activity
          WHERE application_name LIKE 'postgis-backup%' AND (${condition});
        IF FOUND THEN RETURN; END IF;
        PERFORM pg_sleep(0.003);
      END LOOP;
      RAISE 'no session came of which is true: %', $condition$${condition}$condition$;
    END $$`;
}
