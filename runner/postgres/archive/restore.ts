/** Restores an archive into a database, with the stock tools of the server's own container. */
import { escapeIdentifier, escapeLiteral } from "../session/escape";
import * as z from "zod";
import { type ExecTarget, runTied } from "../../docker/exec";
import { Failure } from "../../lib/failure";
import type { ArchiveFormat } from "../../request";
import { type ContainerFile, listArchive } from "./archive";
import { type ListedEntry, rowsOfExtensions } from "./toc";
import { runRestricted } from "../session/restricted";
import { endedWith, errorLines } from "../session/server";
import type { Session } from "../session/session";

/** The settings that the text in a database depends on. */
interface DatabaseLocale {
  readonly encoding: string;
  readonly lcCollate: string;
  readonly lcCtype: string;
  /** Whose rules sort text. Unset: those of the operating system. */
  readonly localeProvider?: "libc" | "icu" | "builtin" | undefined;
  /** The locale of the other providers. */
  readonly locale?: string | undefined;
  readonly icuRules?: string | undefined;
}

/** Creates an empty database from template0, which sites do not change. */
export async function createDatabase(session: Session, name: string, locale: DatabaseLocale): Promise<void> {
  const { localeProvider = "libc" } = locale;
  const options = [
    ["ENCODING", locale.encoding],
    ["LC_COLLATE", locale.lcCollate],
    ["LC_CTYPE", locale.lcCtype],
    ...(localeProvider === "icu"
      ? [
          ["ICU_LOCALE", locale.locale],
          ["ICU_RULES", locale.icuRules],
        ]
      : []),
    ...(localeProvider === "builtin" ? [["BUILTIN_LOCALE", locale.locale]] : []),
  ].flatMap(([option, value]) =>
    option === undefined || value === undefined ? [] : [`${option} ${escapeLiteral(value)}`],
  );
  const provider = locale.localeProvider === undefined ? [] : [`LOCALE_PROVIDER ${localeProvider}`];
  await session.run(
    ["CREATE DATABASE", escapeIdentifier(name), "TEMPLATE template0", ...options, ...provider].join(" "),
  );
}

const Locale = z.object({
  encoding: z.string(),
  lcCollate: z.string(),
  lcCtype: z.string(),
  localeProvider: z.string().nullable(),
  locale: z.string().nullable(),
  icuRules: z.string().nullable(),
});
const providers = { c: "libc", i: "icu", b: "builtin" } as const;

/** The locale of the session's database. The names of the columns differ between versions. */
export async function readLocale(session: Session): Promise<DatabaseLocale> {
  const row = await session.row(
    `SELECT pg_encoding_to_char((d->>'encoding')::int) AS encoding, d->>'datcollate' AS "lcCollate", d->>'datctype' AS "lcCtype",
            d->>'datlocprovider' AS "localeProvider", coalesce(d->>'datlocale', d->>'daticulocale') AS locale, d->>'daticurules' AS "icuRules"
     FROM (SELECT to_jsonb(b) FROM pg_database b WHERE datname = current_database()) q (d)`,
    Locale,
  );
  const provider = Object.entries(providers).find(([letter]) => letter === row.localeProvider)?.[1];
  return {
    ...row,
    localeProvider: provider,
    locale: row.locale ?? undefined,
    icuRules: row.icuRules ?? undefined,
  };
}

/** Creates the roles that the server does not have; they cannot log in. */
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
  /** Unset: all sections. */
  readonly sections?: readonly string[];
  /** Unset: all entries. */
  readonly entries?: readonly ListedEntry[];
}

/** Runs one `pg_restore` for all tables, which stops at the first error. */
export async function restoreArchive(
  target: ExecTarget,
  { path, user }: ContainerFile,
  { format, database, jobs, sections = [], entries }: RestoreOptions,
  signal: AbortSignal,
): Promise<void> {
  const command = [
    ...["pg_restore", `--format=${format}`, "--exit-on-error", "--no-tablespaces"],
    ...sections.map((section) => `--section=${section}`),
    ...(entries === undefined ? [] : ["--use-list=/dev/stdin"]),
    ...[`--jobs=${jobs}`, `--dbname=${database}`, path],
  ];
  const input = entries?.map(({ id }) => `${id};\n`).join("");
  const { failed, stderr, exitCode } = await runTied(target, command, signal, { user, input });
  if (failed) throw restoreFailure("pg_restore", stderr, exitCode);
}

/**
 * Restores rows, and what comes after them. `pg_restore` may load any tables at the same time, but an extension's tables have their
 * foreign keys before they have rows. So these come first, one after the other, in the order that `pg_dump` has found for them.
 */
export async function restoreRows(
  target: ExecTarget,
  file: ContainerFile,
  options: Omit<RestoreOptions, "sections" | "entries">,
  signal: AbortSignal,
): Promise<void> {
  const entries = await listArchive(target, file, signal);
  const first = new Set(rowsOfExtensions(entries));
  const sections = ["data", "post-data"];
  if (first.size < 2) return restoreArchive(target, file, { ...options, sections }, signal);
  await restoreArchive(target, file, { ...options, jobs: 1, entries: [...first] }, signal);
  const others = entries.filter((entry) => !first.has(entry));
  await restoreArchive(target, file, { ...options, sections, entries: others }, signal);
}

/** Feeds a checked script to psql in one transaction: rows of a table that is created in it need no log. */
export async function runScript(
  target: ExecTarget,
  what: string,
  script: AsyncIterable<string | Uint8Array>,
  signal: AbortSignal,
  more: readonly string[] = [],
): Promise<void> {
  const options = ["--single-transaction", ...more];
  const { failed, stderr, exitCode } = await runRestricted(target, script, options, signal);
  if (failed) throw restoreFailure(what, stderr, exitCode);
}

function restoreFailure(what: string, stderr: string, exitCode: number | undefined): Failure {
  return new Failure(
    "restore-failed",
    `The archive cannot be restored: ${what}: ${errorLines(stderr) || endedWith(exitCode)}`,
  );
}
