/** The contenders for a backup of the sample tables. */
import path from "node:path";
import { escapeIdentifier } from "pg";
import { ours, runnerBackup } from "./runner";
import { database, insideAsCaller, pathInside, sampleTables, type Fixture } from "../fixture";
import { type Command, type Group, inside, type Contender } from "../contender";
import { execa } from "execa";

export const byHand = "by hand";
export const byHandWithGzip = "by hand, then gzip";
export const copyOnly = "COPY to /dev/null";

/** Dumps as this program does by default, but without its checks. */
export const parallelDump = (jobs: number) => `pg_dump -Fd -j${jobs} zstd:1`;

export function backupGroup(fixture: Fixture): Group {
  const { jobs } = fixture;
  return {
    name: "backup",
    contenders: [
      floor(fixture),
      handMade(fixture, byHand, []),
      handMade(fixture, byHandWithGzip, [gzipFiles(fixture)]),
      dump(fixture, "pg_dump -Fc gzip:6", ["--format=custom", "--compress=gzip:6"]),
      dump(fixture, "pg_dump -Fc lz4", ["--format=custom", "--compress=lz4"]),
      dump(fixture, "pg_dump -Fc zstd:1", ["--format=custom", "--compress=zstd:1"]),
      dump(fixture, parallelDump(jobs), ["--format=directory", "--compress=zstd:1", `--jobs=${jobs}`]),
      kartoza(fixture),
      prodrigestivill(fixture),
      {
        name: ours,
        output: outputOf(fixture),
        commands: [runnerBackup(fixture, { database, repository: outputOf(fixture) }, sampleTables)],
      },
    ],
  };
}

function outputOf({ folder }: Fixture): string {
  return path.join(folder, "output");
}

/** The server writes the rows as text, one table after another. No dump in one session is quicker. */
function floor({ container }: Fixture): Contender {
  const copies = sampleTables.map((table) => `COPY ${escapeIdentifier(table)} TO '/dev/null'`);
  const statements = copies.flatMap((statement) => ["--command", statement]);
  return { name: copyOnly, commands: [inside(container, [...psqlCommand, ...statements])] };
}

const psqlCommand = ["psql", "--no-psqlrc", "--quiet", "--username=postgres", `--dbname=${database}`];

/** Dumps each table to a file in the container, then copies the file out. */
function handMade(fixture: Fixture, name: string, then: readonly Command[]): Contender {
  const { container } = fixture;
  const steps = sampleTables.flatMap((table) => {
    const file = `/tmp/${table}.sql`;
    const select = ["--table", `public.${escapeIdentifier(table)}`];
    return [
      inside(container, ["pg_dump", "-U", "postgres", "-d", database, ...select, "-f", file]),
      { file: "docker", args: ["cp", `${container}:${file}`, outputOf(fixture)] },
    ];
  });
  return {
    name,
    output: outputOf(fixture),
    commands: [...steps, ...then],
    clean: () =>
      removeInContainer(
        container,
        sampleTables.map((table) => `/tmp/${table}.sql`),
      ),
  };
}

function gzipFiles(fixture: Fixture): Command {
  return { file: "gzip", args: sampleTables.map((table) => path.join(outputOf(fixture), `${table}.sql`)) };
}

/** One dump of all tables, straight into a folder that is mounted into the container. */
function dump(fixture: Fixture, name: string, options: readonly string[]): Contender {
  const file = pathInside(fixture, path.join(outputOf(fixture), "archive"));
  const tables = sampleTables.map((table) => `--table=public.${escapeIdentifier(table)}`);
  return {
    name,
    output: outputOf(fixture),
    commands: [
      insideAsCaller(fixture, [
        ...["pg_dump", "-U", "postgres", "-d", database, ...options, `--file=${file}`],
        ...tables,
      ]),
    ],
  };
}

/** The commands of https://github.com/kartoza/docker-pg-backup, version v18.3.6--2026-04-16--f74217e, scripts/lib/db.sh. */
function kartoza(fixture: Fixture): Contender {
  const connection = ["-h", "127.0.0.1", "-p", "5432", "-U", "postgres"];
  const output = outputOf(fixture);
  const globals = inside(fixture.sidecar, ["pg_dumpall", ...connection, "--globals-only"]);
  const rows = inside(fixture.sidecar, [
    ...["sh", "-c", 'pg_dump "$@" > "$0"', pathInside(fixture, path.join(output, "gis.dmp"))],
    ...[...connection, "-Fc", "-d", database],
  ]);
  return { name: "kartoza/docker-pg-backup", output, commands: [globals, rows] };
}

/** The command of https://github.com/prodrigestivill/docker-postgres-backup-local, commit d257e5d of 2025-09-26, backup.sh. */
function prodrigestivill(fixture: Fixture): Contender {
  const output = outputOf(fixture);
  const file = pathInside(fixture, path.join(output, "gis.sql.gz"));
  const connection = ["--env", "PGHOST=127.0.0.1", "--env", "PGPORT=5432", "--env", "PGUSER=postgres"];
  return {
    name: "prodrigestivill/postgres-backup-local",
    output,
    commands: [inside(fixture.sidecar, ["pg_dump", "-d", database, "-f", file, "-Z1"], connection)],
  };
}

async function removeInContainer(container: string, files: readonly string[]): Promise<void> {
  await execa("docker", ["exec", container, "rm", "-f", ...files]);
}
