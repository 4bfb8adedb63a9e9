/** The argument of verbs that says which backups they are about. */
import { Failure } from "../lib/failure";
import { backupIdPattern, placeOf } from "../request/location";
import { type Options, originOf } from "./keys";

/** Describes the argument, for the help. */
export const backupArgument =
  'id of the backup, or "latest" (default: latest); or its location, REPOSITORY/NAME/ID or REPOSITORY/NAME, instead of --repository and --name';

/** With the backup that an argument means: by its id, or by its location, as messages and results have it. */
export function located(options: Options, given: string | undefined): Options {
  if (given === undefined) return options;
  if (!given.includes("/")) return { ...options, backup: given };
  if (endsWithId(given)) return { ...withoutPlace(options), location: given };
  return inPlace(options, given);
}

/** With the backups of a name that an argument means, REPOSITORY/NAME. */
export function inPlace(options: Options, given: string | undefined): Options {
  if (given === undefined) return options;
  const place = placeOf(given);
  if (place === undefined || !given.includes("/") || endsWithId(given)) {
    throw new Failure(
      "usage",
      `${JSON.stringify(given)} does not say which backups. Write REPOSITORY/NAME; REPOSITORY is a folder or s3://bucket/prefix.`,
    );
  }
  return { ...onlyPlace(options, given), ...place };
}

/** With the repository that an argument means. */
export function inRepository(options: Options, given: string | undefined): Options {
  if (given === undefined) return options;
  if (endsWithId(given))
    throw new Failure(
      "usage",
      `${JSON.stringify(given)} is one backup. Write REPOSITORY or REPOSITORY/NAME.`,
    );
  return { ...onlyPlace(options, given), repository: given };
}

/** Whether a location ends with that of one backup. */
export const endsWithId = (text: string): boolean =>
  backupIdPattern.test(text.replace(/\/+$/, "").replace(/^.*\//s, ""));

function onlyPlace(options: Options, given: string): Options {
  const rest = withoutPlace(options);
  const twice = ["repository", "name"].filter((option) => option in rest).map((option) => `--${option}`);
  if (twice.length === 0) return rest;
  throw new Failure(
    "usage",
    `${JSON.stringify(given)} says where the backups are: leave out ${twice.join(" and ")}.`,
  );
}

/** The argument counts for more than the environment and the project's file, but does not contradict other options. */
function withoutPlace(options: Options): Options {
  const { repository, name, ...others } = options;
  const explicit = (option: string, value: unknown) =>
    value === undefined || originOf(options, option) !== undefined ? {} : { [option]: value };
  return { ...others, ...explicit("repository", repository), ...explicit("name", name) };
}
