/** Ways to back up the sample tables. */
import path from "node:path";
import { escapeIdentifier } from "pg";
import { removeInContainer } from "./container-files";
import { ours, runnerBackup } from "./runner";
import { database, insideAsCaller, pathInside, sampleTables, type Scene } from "../scene";
import { type Command, type Group, inside, type Way } from "../way";

export const byHand = "by hand";
export const byHandWithGzip = "by hand, then gzip";
export const copyOnly = "COPY to /dev/null";

/** The way that takes what the program takes by default, without its checks. */
export const parallelDump = (jobs: number) => `pg_dump -Fd -j${jobs} zstd:1`;

export function backupGroup(scene: Scene): Group {
  const { jobs } = scene;
  return {
    name: "backup",
    ways: [
      floor(scene),
      handMade(scene, byHand, []),
      handMade(scene, byHandWithGzip, [gzipFiles(scene)]),
      dump(scene, "pg_dump -Fc gzip:6", ["--format=custom", "--compress=gzip:6"]),
      dump(scene, "pg_dump -Fc lz4", ["--format=custom", "--compress=lz4"]),
      dump(scene, "pg_dump -Fc zstd:1", ["--format=custom", "--compress=zstd:1"]),
      dump(scene, parallelDump(jobs), ["--format=directory", "--compress=zstd:1", `--jobs=${jobs}`]),
      kartoza(scene),
      prodrigestivill(scene),
      {
        name: ours,
        output: outputOf(scene),
        commands: [runnerBackup(scene, { database, repository: outputOf(scene) }, sampleTables)],
      },
    ],
  };
}

function outputOf({ folder }: Scene): string {
  return path.join(folder, "output");
}

/** What the server needs to write the rows as text, one table after another: nothing that dumps tables is quicker. */
function floor({ container }: Scene): Way {
  const copies = sampleTables.map((table) => `COPY ${escapeIdentifier(table)} TO '/dev/null'`);
  const statements = copies.flatMap((statement) => ["--command", statement]);
  return { name: copyOnly, commands: [inside(container, [...psqlCommand, ...statements])] };
}

const psqlCommand = ["psql", "--no-psqlrc", "--quiet", "--username=postgres", `--dbname=${database}`];

/** A dump of each table to a file in the container, which is copied out. */
function handMade(scene: Scene, name: string, then: readonly Command[]): Way {
  const { container } = scene;
  const steps = sampleTables.flatMap((table) => {
    const file = `/tmp/${table}.sql`;
    const select = ["--table", `public.${escapeIdentifier(table)}`];
    return [
      inside(container, ["pg_dump", "-U", "postgres", "-d", database, ...select, "-f", file]),
      { file: "docker", args: ["cp", `${container}:${file}`, outputOf(scene)] },
    ];
  });
  return {
    name,
    output: outputOf(scene),
    commands: [...steps, ...then],
    clean: () =>
      removeInContainer(
        container,
        sampleTables.map((table) => `/tmp/${table}.sql`),
      ),
  };
}

function gzipFiles(scene: Scene): Command {
  return { file: "gzip", args: sampleTables.map((table) => path.join(outputOf(scene), `${table}.sql`)) };
}

/** One dump of all tables, straight into a folder that is mounted into the container. */
function dump(scene: Scene, name: string, options: readonly string[]): Way {
  const file = pathInside(scene, path.join(outputOf(scene), "archive"));
  const tables = sampleTables.map((table) => `--table=public.${escapeIdentifier(table)}`);
  return {
    name,
    output: outputOf(scene),
    commands: [
      insideAsCaller(scene, [
        ...["pg_dump", "-U", "postgres", "-d", database, ...options, `--file=${file}`],
        ...tables,
      ]),
    ],
  };
}

/** The commands of https://github.com/kartoza/docker-pg-backup, version v18.3.6--2026-04-16--f74217e, scripts/lib/db.sh. */
function kartoza(scene: Scene): Way {
  const connection = ["-h", "127.0.0.1", "-p", "5432", "-U", "postgres"];
  const output = outputOf(scene);
  const globals = inside(scene.sidecar, ["pg_dumpall", ...connection, "--globals-only"]);
  const rows = inside(scene.sidecar, [
    ...["sh", "-c", 'pg_dump "$@" > "$0"', pathInside(scene, path.join(output, "gis.dmp"))],
    ...[...connection, "-Fc", "-d", database],
  ]);
  return { name: "kartoza/docker-pg-backup", output, commands: [globals, rows] };
}

/** The command of https://github.com/prodrigestivill/docker-postgres-backup-local, commit d257e5d of 2025-09-26, backup.sh. */
function prodrigestivill(scene: Scene): Way {
  const output = outputOf(scene);
  const file = pathInside(scene, path.join(output, "gis.sql.gz"));
  const connection = ["--env", "PGHOST=127.0.0.1", "--env", "PGPORT=5432", "--env", "PGUSER=postgres"];
  return {
    name: "prodrigestivill/postgres-backup-local",
    output,
    commands: [inside(scene.sidecar, ["pg_dump", "-d", database, "-f", file, "-Z1"], connection)],
  };
}
