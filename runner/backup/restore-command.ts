import path from "node:path";
import { quote } from "shell-quote";
import { passwordVariable, type ServerAddress } from "../postgres/session/server";
import type { ArchiveFormat, S3Settings } from "../request";
import { isS3Url } from "../request/location";
import { prepareFile, afterTablesFile } from "../repository/layout";
import { decompressCommand, archiveName } from "../postgres/archive/archive-name";
import { SourceLocale, databaseOptions, isUsual } from "../postgres/catalog/locale";

export interface RestoreSource {
  readonly container: string;
  /** Where the server listens, as a program in the container sees it. */
  readonly address: ServerAddress;
  /** The server asks for a password; the command takes it from PGPASSWORD of the shell that it is pasted into. */
  readonly needsPassword: boolean;
  readonly user: string;
  readonly database: string;
  readonly format: ArchiveFormat;
  readonly compression: string;
  readonly jobs: number;
  /** Whether the backup has a script to be run between the archive's pre-data and its data. */
  readonly afterTables?: boolean;
  /** Folder of the backup on this machine, or its URL; and, for the directory format, the folder in the container. */
  readonly location: string;
  readonly containerLocation: string | undefined;
  readonly s3?: S3Settings | undefined;
  /** Of the database that the backup was taken from; unset: as the server makes its databases. */
  readonly locale?: SourceLocale | undefined;
}

/** Sections of an archive that stock pg_restore brings back before and after that script. */
export const preData = ["--section=pre-data"];
export const dataAndPostData = ["--section=data", "--section=post-data"];

/** Options of this program's command line that say how an S3 server is spoken to. */
export function s3Options({ endpoint, region, forcePathStyle }: Partial<S3Settings> = {}): string[] {
  return [
    ...(endpoint === undefined ? [] : ["--s3-endpoint", endpoint]),
    ...(region === undefined ? [] : ["--s3-region", region]),
    ...(forcePathStyle === true ? ["--s3-path-style"] : []),
  ];
}

/**
 * To be pasted into a shell as it is: it brings the tables into a new database of the same server, so that it cannot harm
 * what is there. Of a backup in a folder, it needs stock tools only; they cannot read from a bucket.
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
