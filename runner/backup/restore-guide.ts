/**
 * How a person restores a backup: RESTORE.md, with an image, Docker and the backup's folder and without this program, and the
 * one command of the result.
 */
import { escapeIdentifier, escapeLiteral } from "../postgres/session/escape";
import { quote } from "shell-quote";
import { sqlName, withSuffix } from "../postgres/session/names";
import { afterTablesFile, databaseFile, globalsFile, prepareFile } from "../repository/layout";
import type { Description } from "./describe-backup";
import { archiveName, decompressCommand } from "../postgres/archive/compression";
import path from "node:path";
import { passwordVariable, type ServerAddress } from "../postgres/session/server";
import type { ArchiveFormat, S3Settings } from "../request";
import { isS3Url } from "../request/location";
export const guideFile = "RESTORE.md";

type Table = Description["tables"][number];

/** An array of the shell, so that the reader can set it to another server. */
const connection = '"${server[@]}"';
const inContainer = 'docker exec --env PGPASSWORD "$container"';
const inputInContainer = 'docker exec --interactive --env PGPASSWORD "$container"';
const psql = (database: string, flags = "--set ON_ERROR_STOP=on") =>
  `${inputInContainer} psql ${connection} --no-password --dbname ${database} ${flags}`;

export function restoreGuide(backup: Description, afterTables = false): string {
  const { name, id, startedAt, source, format } = backup;
  const postgis = source.postgisVersion === undefined ? "" : ` with PostGIS ${source.postgisVersion}`;
  return lines(
    `# How to restore ${name}/${id}`,
    "",
    `${what(backup)} in container ${code(source.container)}, as of ${startedAt}, ` +
      `from PostgreSQL ${source.serverVersion}${postgis}.`,
    "",
    `You need Docker, this folder, and an image of that PostgreSQL${postgis === "" ? "" : " and PostGIS"}, or of a later one. ` +
      `${extraTool(backup)}All commands are for bash, in the folder that this file is in, in one shell.`,
    "",
    "## 1. Check the files",
    "",
    ...shell("sha256sum --check --quiet SHA256SUMS"),
    "Nothing is printed when all are whole. (macOS: `shasum --algorithm 256 --check --quiet SHA256SUMS`)",
    "",
    "## 2. Start a server",
    "",
    `Change these four as you like. ${aboutImage(source)}`,
    "",
    ...shell(
      `container=restore_${name}`,
      "port=54329",
      `database=${word(restoredName(source.database))}`,
      `image=${word(imageToTake(source))}`,
    ),
    ...shell(
      'export POSTGRES_PASSWORD="$(head -c 18 /dev/urandom | base64)"',
      'export PGPASSWORD="$POSTGRES_PASSWORD"',
      "server=(--host 127.0.0.1 --port 5432 --username postgres)",
      'docker run --detach --name "$container" --publish "127.0.0.1:$port:5432" --shm-size 1g --env POSTGRES_PASSWORD ' +
        `${format === "plain" ? "" : '--volume "$PWD:/backup:ro" '}"$image"`,
      `until ${inContainer} pg_isready --quiet ${connection}; do`,
      '  test "$(docker inspect --format "{{.State.Running}}" "$container")" = true || break; sleep 1',
      "done",
    ),
    'If it does not come up: `docker logs "$container"`.',
    "",
    "## 3. Make an empty database",
    "",
    ...roles(backup),
    ...shell(...emptyDatabase(backup, '"$database"')),
    "If the image does not have the locale, leave `--lc-collate` and `--lc-ctype` out.",
    "",
    "## 4. Restore the tables",
    "",
    ...accepted(backup),
    ...(afterTables
      ? [
          `${code(afterTablesFile)} creates what refers to the tables, such as functions over their row types.`,
          "",
        ]
      : []),
    ...shell(...restoreCommands(backup, '"$database"', afterTables)),
    ...databaseSettings(backup),
    "## 5. Check the tables",
    "",
    "Every line must begin with `ok`.",
    "",
    ...shell(
      `${inContainer} vacuumdb ${connection} --no-password --quiet --analyze-only --dbname "$database"`,
      ...heredoc(psql('"$database"'), countsQuery(backup.tables)),
    ),
    "From outside the container the server is at 127.0.0.1, port `$port`, user `postgres`, password `$POSTGRES_PASSWORD`. Its data go with " +
      '`docker rm --force --volumes "$container"`.',
    "",
    ...(backup.wholeDatabase === undefined ? [...oneTable(backup), ...elsewhere(backup)] : []),
  );
}

function what({ tables, source, wholeDatabase }: Description): string {
  const found = count(tables.length, "table");
  return wholeDatabase === undefined
    ? `${found} of database ${code(source.database)}`
    : `The database ${code(source.database)}, with ${found},`;
}

function databaseSettings({ wholeDatabase }: Description): string[] {
  if (wholeDatabase === undefined) return [];
  return [
    `${code(databaseFile)} gives the database its owner, its settings, its comment and its privileges.`,
    "",
    ...shell(`${psql('"$database"', "--quiet --set ON_ERROR_STOP=on")} < ${databaseFile}`),
  ];
}

type Source = Description["source"];

/** A reference by content, `name@sha256:…`, which any machine can pull. An image that was built or loaded has none. */
const canBePulled = ({ imageDigest }: Source) => imageDigest.includes("@");

/** A container that was made from the id of an image names none. */
const isId = (image: string) => /^(sha256:)?[0-9a-f]{12,64}$/.test(image);

/** By its content where that can be pulled: what a name such as "latest" stands for changes. */
function imageToTake(source: Source): string {
  if (canBePulled(source)) return source.imageDigest;
  return isId(source.image) ? publicImage(source) : source.image;
}

/** An official image of the same versions. */
function publicImage({ serverVersion, postgisVersion }: Source): string {
  const [major = ""] = serverVersion.split(/[. ]/);
  const postgis = /^\d+\.\d+/.exec(postgisVersion ?? "")?.[0];
  return postgis === undefined ? `postgres:${major}` : `postgis/postgis:${major}-${postgis}`;
}

function aboutImage(source: Source): string {
  if (canBePulled(source))
    return `The image is the one that the backup was taken from, ${code(source.image)} at that time.`;
  const instead = publicImage(source);
  return imageToTake(source) === instead
    ? `The backup was taken from an image that was in no registry; ${code(instead)} has the same versions.`
    : `The backup was taken from the image ${code(source.image)}, which was in no registry. If you do not have it: ${code(`image=${instead}`)}.`;
}

const lines = (...all: string[]) => all.join("\n");
const count = (number: number, what: string) => `${number} ${what}${number === 1 ? "" : "s"}`;

/** Quotes a word for a shell. The library would also escape colons. */
const word = (text: string) => (/^[\w./:@-]+$/.test(text) ? text : quote([text]));

/** Text from the database, for a sentence. */
function code(text: string): string {
  const plain = text.replaceAll(/\s/g, " ");
  const fence = plain.includes("`") ? "``" : "`";
  return `${fence}${plain}${fence}`;
}

function shell(...commands: string[]): string[] {
  return ["```bash", ...commands, "```", ""];
}

/** Chooses an end that is not a line of the input. */
function heredoc(command: string, sql: string): string[] {
  let end = "SQL";
  while (sql.split("\n").includes(end)) end += "_";
  return [`${command} <<'${end}'`, sql, end];
}

function extraTool({ format, compression }: Description): string {
  const [tool = "cat"] = decompressCommand(compression);
  return format !== "plain" || tool === "cat"
    ? ""
    : `${code(tool)} must be installed here, for example with ${code(`apt-get install ${tool}`)}. `;
}

const rolesToMake = ({ requires }: Description) => requires.roles.filter((role) => role !== "postgres");

function roles(backup: Description): string[] {
  if (backup.wholeDatabase?.globals !== undefined)
    return [
      "First the roles of the server. Those that exist stay as they are.",
      "",
      ...shell(`${psql("postgres", "--quiet --set ON_ERROR_STOP=on")} < ${globalsFile}`),
    ];
  const names = rolesToMake(backup);
  if (names.length === 0) return [];
  const array = names.map((role) => escapeLiteral(role)).join(", ");
  return [
    "First the roles that own the tables or have privileges on them. They have no password, and cannot log in before you let them.",
    "",
    ...shell(
      ...heredoc(
        psql("postgres"),
        `SELECT format('CREATE ROLE %I', name) FROM unnest(ARRAY[${array}]) AS name\n` +
          "WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) \\gexec",
      ),
    ),
  ];
}

function emptyDatabase({ source }: Description, database: string): string[] {
  const locale = databaseOptions(source);
  return [
    `${inContainer} createdb ${connection} --no-password ${locale.map(word).join(" ")} ${database}`,
    `${psql(database, "--quiet --output=/dev/null --set ON_ERROR_STOP=on")} < ${prepareFile}`,
  ];
}

function accepted({ ignoredReferences }: Description): string[] {
  if (ignoredReferences.length === 0) return [];
  const keys = ignoredReferences.map(
    ({ table, constraint, references }) => `${code(constraint)} of ${code(table)} to ${code(references)}`,
  );
  return [
    `${count(keys.length, "foreign key")} cannot be created, because the tables they refer to are not in this backup: ${keys.join("; ")}. ` +
      "Errors about these, and no others, are as they should be.",
    "",
  ];
}

/** Programs take a name that begins with a dash for an option, and one with `=` or `://` for parameters of a connection. */
const restoredName = (database: string): string =>
  withSuffix(database.replaceAll(/^-|[^\p{L}\p{N}_ .-]/gu, "_"), "_restored");

function restoreCommands(backup: Description, database: string, afterTables: boolean): string[] {
  const { format, compression, jobs, ignoredReferences } = backup;
  const complete = ignoredReferences.length === 0;
  const archive = archiveName(format, compression);
  const script = `${psql(database, "--quiet --output=/dev/null --set ON_ERROR_STOP=on")} < ${afterTablesFile}`;
  if (format === "plain") {
    const flags = `--quiet --output=/dev/null${complete ? " --set ON_ERROR_STOP=on" : ""}`;
    const restore = `${quote(decompressCommand(compression))} ${archive} | ${psql(database, flags)}`;
    return afterTables ? [restore, script] : [restore];
  }
  const flags = `--no-tablespaces --jobs ${jobs}${complete ? " --exit-on-error" : ""}`;
  const restore = (...sections: string[]) => {
    const options = [flags, ...sections].join(" ");
    const command = `${inContainer} pg_restore ${connection} --no-password --dbname ${database} ${options} /backup/${archive}`;
    return complete ? command : `${command} || test $? -eq 1`;
  };
  return afterTables ? [restore(...preData), script, restore(...dataAndPostData)] : [restore()];
}

function countsQuery(tables: readonly Table[]): string {
  const counts = tables
    .filter(({ kind }) => kind === "table")
    .map(
      (table) =>
        `  (${escapeLiteral(sqlName(table))}, ${table.rows}::bigint, (SELECT count(*) FROM ONLY ${sqlName(table)}))`,
    );
  return lines(
    "SELECT CASE WHEN found = expected THEN 'ok' ELSE 'DIFFERS' END AS result, name, expected, found FROM (VALUES",
    counts.join(",\n"),
    ") AS counts (name, expected, found) ORDER BY found = expected, name;",
  );
}

function oneTable(backup: Description): string[] {
  const table = backup.tables.find(({ kind }) => kind === "table");
  if (table === undefined) return [];
  const { format, compression } = backup;
  const archive = `/backup/${archiveName(format, compression)}`;
  return [
    "## Only one table",
    "",
    ...(format === "plain"
      ? ["A plain archive is restored as a whole, as above.", ""]
      : [
          `All tables are made, and the rows of one are restored: steps 1 and 2${
            rolesToMake(backup).length === 0 ? "" : ", the roles of step 3"
          }, then this, with schema and name of the table as ` +
            '`docker exec "$container" pg_restore --list ' +
            `${archive}\` shows them. Foreign keys to tables that stay empty fail.`,
          "",
          ...shell(
            `export table=${quote([`TABLE DATA ${table.schema} ${table.name} `])}`,
            "one=one_table",
            ...emptyDatabase(backup, '"$one"'),
            `docker exec "$container" pg_restore --list ${archive} |`,
            `  awk '!/ TABLE DATA / || index($0, ENVIRON["table"])' |`,
            `  ${inputInContainer} pg_restore ${connection} --no-password --dbname "$one" --no-tablespaces --use-list /dev/stdin ${archive} ||`,
            '  echo "As it should be, if only foreign keys failed."',
          ),
        ]),
    "From the restored database, a table goes on to another one, where there must be none of its name, with",
    "",
    "```",
    `${inContainer} pg_dump ${connection} --no-password --dbname "$database" --table ${quote([sqlName(table)])} |`,
    "  docker exec --interactive OTHER_CONTAINER psql --username postgres --dbname OTHER_DATABASE --set ON_ERROR_STOP=on --single-transaction",
    "```",
    "",
  ];
}

function elsewhere({ format, tables, requires }: Description): string[] {
  const schemas = [...new Set([...tables, ...requires.sequences].map(({ schema }) => schema))];
  const kept = (schema: string) => escapeIdentifier(`before_restore_${schema}`);
  const moves = (kind: string, all: readonly { schema: string; name: string }[]) =>
    all.map((one) => `ALTER ${kind} IF EXISTS ${sqlName(one)} SET SCHEMA ${kept(one.schema)};`);
  return [
    "## Into a server that runs already",
    "",
    "Set `container` to its container and `database` to a new name, `server` to where it listens in there (its address, or the folder of its " +
      "socket, and its port) and to a superuser, and export its password, if it asks for one, as `PGPASSWORD`; then do all but the `docker run`. " +
      "What is in its other databases stays as it is." +
      (format === "plain"
        ? ""
        : ' Copy the backup into the container first, `docker cp . "$container:/backup"`, and remove it at the end, `docker exec "$container" rm -r /backup`.'),
    "",
    "## Into a database that has these tables or schemas already",
    "",
    "Schemas may exist. Tables must not: this moves those that are there aside, with their indexes and sequences; it deletes nothing. " +
      `Then do step 4, without step 3 (${prepareFile} would stop at a type or function that is there), and step 5. Views and other tables go on ` +
      "using what was moved; drop that when nothing does.",
    "",
    ...shell(
      ...heredoc(
        psql('"$database"', "--quiet --single-transaction --set ON_ERROR_STOP=on"),
        lines(
          ...schemas.map((schema) => `CREATE SCHEMA ${kept(schema)};`),
          ...moves("TABLE", tables),
          ...moves("SEQUENCE", requires.sequences),
        ),
      ),
    ),
  ];
}

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
function databaseOptions(source: SourceLocale): string[] {
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
  /** Whether it is of a whole database, so that a script is run at the end. */
  readonly wholeDatabase?: boolean;
  /** Folder of the backup on this machine, or its URL; and, for the directory format, the folder in the container. */
  readonly location: string;
  readonly containerLocation: string | undefined;
  readonly s3?: S3Settings | undefined;
  /** The locale of the source database; unset: the default of the server. */
  readonly locale?: SourceLocale | undefined;
}

/** The sections of an archive that pg_restore restores before and after that script. */
const preData = ["--section=pre-data"];
const dataAndPostData = ["--section=data", "--section=post-data"];

/** Options of this program's command line for an S3 server. */
export function s3Options({ endpoint, region, forcePathStyle }: Partial<S3Settings> = {}): string[] {
  return [
    ...(endpoint === undefined ? [] : ["--s3-endpoint", endpoint]),
    ...(region === undefined ? [] : ["--s3-region", region]),
    ...(forcePathStyle === true ? ["--s3-path-style"] : []),
  ];
}

/** Options of this program's command line for what an S3 server lacks, for verbs that write backups. */
export function s3UploadOptions({
  conditionalWrites,
  checksum,
  maxParts,
}: Partial<S3Settings> = {}): string[] {
  return [
    ...(conditionalWrites === undefined ? [] : ["--s3-conditional-writes", String(conditionalWrites)]),
    ...(checksum === undefined ? [] : ["--s3-checksum", checksum]),
    ...(maxParts === undefined ? [] : ["--s3-max-parts", String(maxParts)]),
  ];
}

/**
 * A command to paste into a shell. It restores the tables into a new database of the same server, so that it cannot harm other
 * data. For a backup in a folder it needs stock tools only; these cannot read from a bucket.
 */
export function restoreCommand(source: RestoreSource): string {
  const target = restoredName(source.database);
  if (isS3Url(source.location)) {
    const into = ["--container", source.container, "--user", source.user, "--database", target];
    const command = ["postgis-backup", "restore", source.location, ...into, "--create-database"];
    return quote([...command, ...s3Options(source.s3)]);
  }
  const { host, port } = source.address;
  const connect = ["--host", host, "--port", String(port), "--username", source.user, "--no-password"];
  const password = source.needsPassword ? ["--env", passwordVariable] : [];
  const inContainer = (command: string[], flags: string[] = []) =>
    quote(["docker", "exec", ...password, ...flags, source.container, ...command]);
  const options =
    source.locale === undefined || (source.wholeDatabase !== true && isUsual(source.locale))
      ? ["--template", "template0"]
      : databaseOptions(source.locale);
  const createDatabase = inContainer(["createdb", ...connect, ...options, target]);
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
  const settings = source.wholeDatabase === true ? [run(databaseFile)] : [];
  return [createDatabase, run(prepareFile), ...steps, ...settings].join(" && ");
}
