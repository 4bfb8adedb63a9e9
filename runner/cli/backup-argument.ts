import { Failure } from "../lib/failure";
import type { Options } from "./options";
import { backupTime } from "../repository/backup-id";

interface NamedBackup {
  readonly directory?: string;
  readonly name?: string;
  readonly backup?: string;
}

/** Describes the argument, for the help. */
export const backupArgument =
  'id of the backup, or "latest" (default: latest); or its location, DIRECTORY/NAME/ID, instead of --directory and --name';

/** The backup that an argument means: by its id, or by all of its location, as messages and results have it. */
export function namedBackup(given: string | undefined, options: Options): NamedBackup {
  if (given === undefined) return {};
  if (!given.includes("/")) return { backup: given };
  const [, directory = ".", name, backup = ""] = /^(?:(.*)\/)?([^/]+)\/([^/]+)\/*$/s.exec(given) ?? [];
  if (name === undefined || !isBackupId(backup)) {
    throw new Failure(
      "usage",
      `${JSON.stringify(given)} is not the location of a backup. Write DIRECTORY/NAME/ID, or "latest" for the id; ` +
        "DIRECTORY is a folder or s3://bucket/prefix.",
    );
  }
  const twice = ["directory", "name"].filter((option) => options[option] !== undefined);
  if (twice.length > 0) {
    throw new Failure(
      "usage",
      `${JSON.stringify(given)} says where the backup is; leave out --${twice.join(" and --")}, or name the backup by its id alone.`,
    );
  }
  return { directory: directory === "" ? "/" : directory, name, backup };
}

export function isBackupId(text: string): boolean {
  return text === "latest" || backupTime(text) !== undefined;
}
