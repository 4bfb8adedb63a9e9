/** Brings an archive into a database, with stock tools in the server's own container. */
import { escapeIdentifier, escapeLiteral } from "./escape";
import { z } from "zod";
import { execTied, type ExecTarget } from "../docker/exec";
import { execStreamed } from "../docker/exec-streamed";
import { Failure } from "../failure";
import type { ArchiveFormat } from "../request";
import type { ContainerFile } from "./archive";
import { nobody, restricted } from "./restricted";
import { endedWith, errorLines, psql } from "./server";
import type { Session } from "./session";

/** What the values of a database's text depend on. */
export interface DatabaseLocale {
  readonly encoding: string;
  readonly lcCollate: string;
  readonly lcCtype: string;
}

/** An empty database, from the template that has nothing of the site's own. */
export async function createDatabase(session: Session, name: string, locale: DatabaseLocale): Promise<void> {
  const literals = [locale.encoding, locale.lcCollate, locale.lcCtype].map((text) => escapeLiteral(text));
  const [encoding = "", lcCollate = "", lcCtype = ""] = literals;
  await session.run(
    `CREATE DATABASE ${escapeIdentifier(name)} TEMPLATE template0 ENCODING ${encoding} LC_COLLATE ${lcCollate} LC_CTYPE ${lcCtype}`,
  );
}

/** Creates the roles that the server lacks; they cannot log in. */
export async function createRoles(session: Session, roles: readonly string[]): Promise<void> {
  const existing = await session.rows("SELECT rolname AS name FROM pg_roles", z.object({ name: z.string() }));
  const names = new Set(existing.map(({ name }) => name));
  for (const role of roles.filter((name) => !names.has(name)))
    await session.run(`CREATE ROLE ${escapeIdentifier(role)}`);
}

export interface RestoreOptions {
  readonly format: Exclude<ArchiveFormat, "plain">;
  readonly database: string;
  readonly jobs: number;
}

/** One `pg_restore` for all tables, which stops at the first error. */
export async function restoreArchive(
  target: ExecTarget,
  { path, user }: ContainerFile,
  { format, database, jobs }: RestoreOptions,
  signal: AbortSignal,
): Promise<void> {
  const command = [
    ...["pg_restore", `--format=${format}`, "--exit-on-error", "--no-tablespaces"],
    ...[`--jobs=${jobs}`, `--dbname=${database}`, path],
  ];
  const { failed, stderr, exitCode } = await execTied(target, command, signal, { user, reject: false });
  if (failed) throw restoreFailure("pg_restore", stderr, exitCode);
}

/** Feeds a script that has been looked at to psql, in one transaction: rows of a table made in it need no log. */
export async function runScript(
  target: ExecTarget,
  what: string,
  script: AsyncIterable<string | Uint8Array>,
  signal: AbortSignal,
): Promise<void> {
  const command = [...psql, "--output=/dev/null", "--single-transaction", "--file=-"];
  const { failed, stderr, exitCode } = await execStreamed(
    target,
    command,
    restricted(target, script),
    signal,
    {
      user: nobody,
    },
  ).ended;
  if (failed) throw restoreFailure(what, stderr, exitCode);
}

function restoreFailure(what: string, stderr: string, exitCode: number | undefined): Failure {
  return new Failure(
    "restore-failed",
    `The archive cannot be restored: ${what}: ${errorLines(stderr) || endedWith(exitCode)}`,
  );
}
