import path from "node:path";
import { quote } from "shell-quote";
import { passwordVariable, type ServerAddress } from "../postgres/session/server";
import type { ArchiveFormat, S3Settings } from "../request";
import { isS3Url } from "../request/location";
import { prepareFile, afterTablesFile } from "../repository/layout";
import { decompressCommand, archiveName } from "../postgres/archive/compression";

/** What the text of a database depends on, as its manifest records it. */
interface SourceLocale {
  readonly encoding: string;
  readonly lcCollate: string;
  readonly lcCtype: string;
  readonly localeProvider?: string | undefined;
  readonly locale?: string | undefined;
  readonly icuRules?: string | undefined;
}

/** Options of createdb for a database that sorts and encodes text in the same way. */
export function databaseOptions(source: SourceLocale): string[] {
  const { encoding, lcCollate, lcCtype, localeProvider, locale, icuRules } = source;
  const text = ["--encoding", encoding, "--lc-collate", lcCollate, "--lc-ctype", lcCtype];
  const base = ["--template", "template0", ...text];
  if (localeProvider === undefined || localeProvider === "libc" || locale === undefined) return base;
  const rules = icuRules === undefined ? [] : ["--icu-rules", icuRules];
  return [...base, "--locale-provider", localeProvider, `--${localeProvider}-locale`, locale, ...rules];
}

/** The default of most servers. Other locales must be given, or rows and indexes may not fit the new database. */
const isUsual = ({ encoding, localeProvider = "libc" }: SourceLocale) =>
  encoding === "UTF8" && localeProvider === "libc";

export interface RestoreSource {
  readonly container: string;
  /** Where the server listens, as a program in the container sees it. */
  readonly address: ServerAddress;
  /** The server asks for a password. The command takes it from the variable PGPASSWORD of the shell. */
  readonly needsPassword: boolean;
  readonly user: string;
  readonly database: string;
  readonly format: ArchiveFormat;
  readonly compression: string;
  readonly jobs: number;
  /** Whether the backup has a script that must run between the archive's pre-data and its data. */
  readonly afterTables?: boolean;
  /** Folder of the backup on this machine, or its URL; and, for the directory format, the folder in the container. */
  readonly location: string;
  readonly containerLocation: string | undefined;
  readonly s3?: S3Settings | undefined;
  /** The locale of the source database; unset: the default of the server. */
  readonly locale?: SourceLocale | undefined;
}

/** The sections of an archive that pg_restore restores before and after that script. */
export const preData = ["--section=pre-data"];
export const dataAndPostData = ["--section=data", "--section=post-data"];

/** Options of this program's command line for an S3 server. */
export function s3Options({ endpoint, region, forcePathStyle }: Partial<S3Settings> = {}): string[] {
  return [
    ...(endpoint === undefined ? [] : ["--s3-endpoint", endpoint]),
    ...(region === undefined ? [] : ["--s3-region", region]),
    ...(forcePathStyle === true ? ["--s3-path-style"] : []),
  ];
}

/**
 * A command to paste into a shell. It restores the tables into a new database of the same server, so that it cannot harm other
 * data. For a backup in a folder it needs stock tools only; these cannot read from a bucket.
 */
export function restoreCommand(source: RestoreSource): string {
  const target = `${source.database}_restored`;
  const { host, port } = source.address;
  const connect = ["--host", host, "--port", String(port), "--username", source.user, "--no-password"];
  const password = source.needsPassword ? ["--env", passwordVariable] : [];
  const inContainer = (command: string[], flags: string[] = []) =>
    quote(["docker", "exec", ...password, ...flags, source.container, ...command]);
  const options =
    source.locale === undefined || isUsual(source.locale)
      ? ["--template", "template0"]
      : databaseOptions(source.locale);
  const createDatabase = inContainer(["createdb", ...connect, ...options, target]);
  if (isS3Url(source.location)) {
    const into = ["--container", source.container, "--user", source.user, "--database", target];
    const restore = ["postgis-backup", "restore", source.location, ...into, ...s3Options(source.s3)];
    return `${createDatabase} && ${quote(restore)}`;
  }
  const psql = ["psql", ...connect, "--dbname", target, "--quiet", "--set", "ON_ERROR_STOP=on"];
  const pgRestore = ["pg_restore", ...connect, "--dbname", target, "--exit-on-error"];
  const file = (name: string) => quote([path.join(source.location, name)]);
  const archive = archiveName(source.format, source.compression);
  const run = (script: string) => `${inContainer(psql, ["--interactive"])} < ${file(script)}`;
  const restore = (...sections: string[]) =>
    ({
      directory: () =>
        inContainer([
          ...pgRestore,
          ...sections,
          "--jobs",
          String(source.jobs),
          path.posix.join(source.containerLocation ?? source.location, archive),
        ]),
      custom: () => `${inContainer([...pgRestore, ...sections], ["--interactive"])} < ${file(archive)}`,
      plain: () =>
        `${quote(decompressCommand(source.compression))} ${file(archive)} | ${inContainer(psql, ["--interactive"])}`,
    })[source.format]();
  const steps =
    source.afterTables !== true
      ? [restore()]
      : source.format === "plain"
        ? [restore(), run(afterTablesFile)]
        : [restore(...preData), run(afterTablesFile), restore(...dataAndPostData)];
  return [createDatabase, run(prepareFile), ...steps].join(" && ");
}
