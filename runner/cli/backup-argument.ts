interface NamedBackup {
  readonly location?: string;
  readonly backup?: string;
}

/** Describes the argument, for the help. */
export const backupArgument =
  'id of the backup, or "latest" (default: latest); or its location, REPOSITORY/NAME/ID, instead of --repository and --name';

/** The backup that an argument means: by its id, or by its whole location, as messages and results have it. */
export function namedBackup(given: string | undefined): NamedBackup {
  if (given === undefined) return {};
  return given.includes("/") ? { location: given } : { backup: given };
}
