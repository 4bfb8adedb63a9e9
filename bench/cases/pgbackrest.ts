/** pgBackRest beside it: it copies the files of the whole server, in full or only what changed since its last backup. */
import path from "node:path";
import { execa } from "execa";
import { withProgramOfPackage } from "../../setup/package-program";
import { docker, TestContainer } from "../../test/support/container";
import { sql } from "../../test/support/resources";
import { type Command, type Contender, type Group, inside } from "../contender";
import { database as sampleDatabase, dropDatabase, type Fixture, pathInside } from "../fixture";
import { runCommands } from "../run-commands";
import { bareDump, grow, nightlyTables, updateAtRandom } from "./nightly";

const program = "/usr/bin/pgbackrest";

export const pgBackRestContenders = {
  full: "pgBackRest, full",
  unchanged: "pgBackRest, incremental, nothing changed",
  grown: "pgBackRest, incremental, one table grew by 1%",
  updated: "pgBackRest, incremental, 1% of one table updated",
} as const;

/** Puts the program into the container, from the image's package archive or, where there is none, from this machine's. Returns its version. */
export async function installPgBackRest({ container }: Fixture): Promise<string> {
  const asRoot = (...command: string[]) => execa("docker", ["exec", "--user", "0:0", container, ...command]);
  if ((await docker("exec", container, "sh", "-c", "command -v apt-get")).code === 0)
    await asRoot("sh", "-c", "apt-get update -qq && apt-get install -qq --no-install-recommends pgbackrest");
  else {
    const release = await asRoot("sh", "-c", '. /etc/os-release && echo "$VERSION_CODENAME"');
    await withProgramOfPackage(release.stdout, "pgbackrest", program, (file) =>
      execa("docker", ["cp", file, `${container}:${program}`]),
    );
  }
  return (await asRoot(program, "version")).stdout;
}

/**
 * It needs a server that archives its write-ahead log, so the server starts anew. The sample tables are dropped before: pgBackRest
 * copies the whole server, which then has only the tables that the others back up.
 */
export async function pgBackRestGroup(fixture: Fixture, rows: number): Promise<Group> {
  const { container, folder, jobs, signal } = fixture;
  const repository = path.join(folder, "pgbackrest");
  const inRepository = (...command: string[]) =>
    execa("docker", ["exec", "--user", "0:0", container, ...command, pathInside(fixture, repository)]);
  // Its files belong to the server's user.
  const remove = async () => {
    await inRepository("rm", "-rf");
  };
  await dropDatabase(fixture, sampleDatabase);
  await inRepository("install", "-d", "-o", "postgres");
  try {
    const data = await sql(container, "SHOW data_directory");
    const where = [
      "--stanza=nightly",
      `--pg1-path=${data}`,
      `--repo1-path=${pathInside(fixture, repository)}`,
    ];
    const compression = ["--compress-type=zst", "--compress-level=1"];
    const run = (...command: string[]): Command =>
      inside(container, ["pgbackrest", ...where, ...command], ["--user", "postgres"]);
    await archiveWith(container, ["pgbackrest", ...where, ...compression, "archive-push", "%p"].join(" "));
    // A check ends when the write-ahead log is archived up to now.
    const check = () => runCommands([run("check")], signal);
    await runCommands([run("stanza-create")], signal);
    const options = [
      ...compression,
      `--process-max=${jobs}`,
      "--start-fast",
      "--repo1-bundle",
      "--repo1-block",
    ];
    const backup = (name: string, type: string, change?: () => Promise<void>): Contender => ({
      name,
      repository,
      commands: [run(...options, "--no-expire-auto", `--type=${type}`, "backup")],
      prepare: async () => {
        await change?.();
        await check();
      },
    });
    const { full, unchanged, grown, updated } = pgBackRestContenders;
    return {
      name: "pgBackRest",
      contenders: [
        bareDump(fixture, nightlyTables),
        backup(full, "full"),
        backup(unchanged, "incr"),
        backup(grown, "incr", () => grow(fixture, rows)),
        backup(updated, "incr", () => updateAtRandom(fixture, rows)),
      ],
      remove,
    };
  } catch (error) {
    await remove();
    throw error;
  }
}

async function archiveWith(container: string, command: string): Promise<void> {
  await sql(container, "ALTER SYSTEM SET archive_mode = 'on'");
  await sql(container, `ALTER SYSTEM SET archive_command = '${command}'`);
  await execa("docker", ["restart", "--time", "120", container]);
  await new TestContainer(container).ready();
}
