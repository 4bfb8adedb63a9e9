import type { Properties } from "./value";

export interface CheckFailure {
  property: string;
  reason: string;
}

export interface CheckResult {
  inputs: Properties;
  failures: CheckFailure[];
}

export type ChangeKind = "add" | "delete" | "update";

export interface Change {
  /** A property path such as `environment.PGHOST` or `triggers[0]`. */
  path: string;
  kind: ChangeKind;
  replace: boolean;
}

export interface Diff {
  changes: Change[];
  deleteBeforeReplace: boolean;
}

export interface ReadResult {
  outputs: Properties;
  inputs: Properties;
}

/** What an operation may use besides its properties. */
export interface Operation {
  urn: string;
  /** The name that the program gave the resource. */
  name: string;
  /** Aborted when the engine cancels or the resource's own time-out passes. */
  signal: AbortSignal;
  /** Shows a line next to the resource while it is being worked on. */
  log: (message: string) => Promise<void>;
}

export interface CheckOperation {
  name: string;
  /** The inputs of the last run, if the resource exists and is not being replaced. */
  oldInputs: Properties | undefined;
  /** Bytes from which random names are made, so that a plan and its execution agree. */
  randomSeed: Uint8Array;
}

/** One resource type. Properties arrive without secrets and, outside previews, without unknowns. */
export interface Resource {
  /** Names of the inputs and of the further outputs that are covered. */
  inputs: string[];
  outputs: string[];
  check: (inputs: Properties, operation: CheckOperation) => CheckResult;
  diff: (oldInputs: Properties, oldOutputs: Properties, inputs: Properties) => Diff;
  planCreate: (inputs: Properties) => Properties;
  planUpdate: (oldInputs: Properties, oldOutputs: Properties, inputs: Properties) => Properties;
  create: (inputs: Properties, operation: Operation) => Promise<{ id: string; outputs: Properties }>;
  /** Undefined when the resource is gone. */
  read: (id: string, outputs: Properties, inputs: Properties) => Promise<ReadResult | undefined>;
  update: (
    id: string,
    oldInputs: Properties,
    oldOutputs: Properties,
    inputs: Properties,
    operation: Operation,
  ) => Promise<Properties>;
  delete: (id: string, outputs: Properties, operation: Operation) => Promise<void>;
}

export interface Provider {
  /** The package, e.g. `command`. */
  name: string;
  version: string;
  /** Finds the module in a type, where types do not name it alone. */
  moduleFormat?: string;
  /** Keys of the provider's own configuration that are covered. */
  configKeys: string[];
  configure: (config: Record<string, string>) => void;
  /** Time allowed to create, update or delete when the program sets none; unlimited if absent. */
  defaultTimeoutSeconds?: number;
  resources: Partial<Record<string, Resource>>;
}

/** The resource exists now, but a later step failed: it stays in the state and is updated on the next run. */
export class PartialFailure extends Error {
  constructor(
    message: string,
    readonly id: string,
    readonly outputs: Properties,
  ) {
    super(message);
  }
}
