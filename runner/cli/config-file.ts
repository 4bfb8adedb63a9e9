/** The file with the settings of a project, `postgis-backup.yaml`. */
import { readFile, stat } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { Failure, Failures } from "../lib/failure";
import { isErrno } from "../lib/files";
import { parseYaml } from "../lib/yaml";
import { didYouMean, isS3Url } from "../request";

export const configName = "postgis-backup.yaml";

export interface ConfigFile {
  readonly path: string;
  /** By their path, such as `retention.keepDaily`. */
  readonly values: ReadonlyMap<string, unknown>;
}

/** Which keys a file may have. */
export interface Known {
  readonly keys: readonly string[];
  /** Keys of requests that only the command line sets, and the option that does. */
  readonly elsewhere: ReadonlyMap<string, string>;
}

/** The file that was named, or the nearest one in a folder and those above it; undefined if there is none. */
export async function readConfig(
  named: string | undefined,
  folder: string,
  known: Known,
  warn: (warning: string) => void,
): Promise<ConfigFile | undefined> {
  const file = named === undefined ? await nearest(folder, warn) : path.resolve(folder, named);
  if (file === undefined) return undefined;
  const text = await readFile(file, "utf8").catch((error: unknown) => {
    throw new Failure("usage", `${file} cannot be read: ${(error as Error).message}.`);
  });
  return { path: file, values: parseConfig(text, file, known) };
}

/** Somebody else who can write to a folder above, such as /tmp, must not decide what is backed up, and where to. */
async function nearest(folder: string, warn: (warning: string) => void): Promise<string | undefined> {
  for (let at = path.resolve(folder); ; at = path.dirname(at)) {
    const file = path.join(at, configName);
    const owner = await stat(file).then(
      ({ uid }) => uid,
      (error: unknown) => {
        if (isErrno(error, "ENOENT") || isErrno(error, "ENOTDIR") || isErrno(error, "EACCES"))
          return undefined;
        throw error;
      },
    );
    if (owner === 0 || owner === process.getuid?.()) return file;
    if (owner !== undefined)
      warn(`${file} belongs to another user and is not used. Name it with --config ${file} if you trust it.`);
    if (at === path.dirname(at)) return undefined;
  }
}

export function parseConfig(text: string, file: string, known: Known): ReadonlyMap<string, unknown> {
  const content = parseYaml(text, file) ?? {};
  if (!isGroup(content))
    throw new Failure("usage", `${file} must have settings, such as "repository: ./backups".`);
  const values = new Map(
    Object.entries(content).flatMap(([key, value]): [string, unknown][] =>
      isGroup(value) && known.keys.some((one) => one.startsWith(`${key}.`))
        ? Object.entries(value).map(([inner, nested]) => [`${key}.${inner}`, nested])
        : [[key, value]],
    ),
  );
  const problems = [...values.keys()].flatMap((key) => problemOf(key, known) ?? []);
  Failures.throwIfAny(problems.map((problem) => new Failure("usage", `${file}: ${problem}`)));
  return new Map([...values].map(([key, value]) => [key, fromFolder(key, value, path.dirname(file))]));
}

const secret = /pass|secret|token|credential|access_?key/i;

function problemOf(key: string, { keys, elsewhere }: Known): string | undefined {
  if (keys.includes(key)) return undefined;
  if (secret.test(key))
    return `${key}: a file is no place for a secret. Set PGPASSWORD, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, in the environment.`;
  const flag = elsewhere.get(key);
  if (flag !== undefined) return `${key} is decided for each run: give ${flag} on the command line.`;
  return `${key} is unknown.${didYouMean(key, keys)}`;
}

/** Settings that are folders, or may be. */
const folders: ReadonlySet<string> = new Set(["repository", "copies", "workDirectory"]);

/** A relative folder is meant from the file, wherever the program is run. */
function fromFolder(key: string, value: unknown, folder: string): unknown {
  if (!folders.has(key)) return value;
  if (Array.isArray(value)) return value.map((one) => fromFolder(key, one, folder));
  if (typeof value !== "string" || value === "" || isS3Url(value)) return value;
  return path.resolve(folder, value.replace(/^~(?=\/|$)/, os.homedir()));
}

function isGroup(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
