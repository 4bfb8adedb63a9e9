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

/** What an operation gets besides its properties. */
export interface Operation {
  urn: string;
  /** The resource's name in the program. */
  name: string;
  /** Aborted when the engine cancels or the resource's time limit passes. */
  signal: AbortSignal;
  /** Shows a line next to the resource while the operation runs. */
  log: (message: string) => Promise<void>;
}

export interface CheckOperation {
  name: string;
  /** The inputs of the last run. Absent if the resource does not exist or is being replaced. */
  oldInputs: Properties | undefined;
  /** Seed for random names, so that the preview and the update choose the same name. */
  randomSeed: Uint8Array;
}

/** One resource type. Properties arrive without secrets and, outside previews, without unknowns. */
export interface Resource {
  /** Names of the covered inputs and of the covered outputs that are not inputs. */
  inputs: string[];
  outputs: string[];
  check: (inputs: Properties, operation: CheckOperation) => CheckResult;
  diff: (oldInputs: Properties, oldOutputs: Properties, inputs: Properties) => Diff;
  planCreate: (inputs: Properties) => Properties;
  planUpdate: (oldInputs: Properties, oldOutputs: Properties, inputs: Properties) => Properties;
  create: (inputs: Properties, operation: Operation) => Promise<{ id: string; outputs: Properties }>;
  /** Returns undefined if the resource is gone. */
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
  /** Finds the module in a type, for providers whose types contain more than the module. */
  moduleFormat?: string;
  /** Covered keys of the provider's configuration. */
  configKeys: string[];
  configure: (config: Record<string, string>) => void;
  /** Default time limit to create, update or delete. No limit if absent. */
  defaultTimeoutSeconds?: number;
  resources: Partial<Record<string, Resource>>;
}

/** The resource exists, but a later step failed. It stays in the state, and the next run updates it. */
export class PartialFailure extends Error {
  constructor(
    message: string,
    readonly id: string,
    readonly outputs: Properties,
  ) {
    super(message);
  }
}
