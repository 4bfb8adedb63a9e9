/** What is measured: ways to do one job, side by side. */

/** A program that runs on this machine. */
export interface Command {
  readonly file: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

export interface Way {
  /** As it stands in the report; no other way of the group has it. */
  readonly name: string;
  /** Run one after another; what they take together is measured. */
  readonly commands: readonly Command[];
  /** Folder of this machine that the result is in: empty before, emptied afterwards. */
  readonly output?: string;
  /** What has to be done before, and is not measured. */
  readonly prepare?: () => Promise<void>;
  /** Removes what is left elsewhere. */
  readonly clean?: () => Promise<void>;
}

export interface Group {
  readonly name: string;
  readonly ways: readonly Way[];
  /** Removes what the group made for its ways. */
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
