/** A contender is one of several ways to do the same job. The bench measures them side by side. */

/** A program that runs on this machine. */
export interface Command {
  readonly file: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

export interface Contender {
  /** Name in the report, unique in the group. */
  readonly name: string;
  /** Commands that run one after another. The bench measures them as one. */
  readonly commands: readonly Command[];
  /** Folder on this machine for the output. It is empty before the run and emptied after it. */
  readonly output?: string;
  /**
   * Folder on this machine, instead of `output`, in which each run leaves a backup for the next. Only what a run newly writes counts as
   * its output; a hard link to a file of an earlier run does not.
   */
  readonly repository?: string;
  /** Runs before the commands, unmeasured. */
  readonly prepare?: () => Promise<void>;
  /** Runs after the commands, unmeasured. Removes what they left outside the output folder. */
  readonly clean?: () => Promise<void>;
}

export interface Group {
  readonly name: string;
  readonly contenders: readonly Contender[];
  /** Removes what the group created for its contenders. */
  readonly remove?: () => Promise<void>;
}

/** A program inside a container, as its default user. */
export function inside(
  container: string,
  command: readonly string[],
  options: readonly string[] = [],
): Command {
  return { file: "docker", args: ["exec", ...options, container, ...command] };
}
