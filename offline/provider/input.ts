import type { Value } from "./value";

/** How the official provider treats one input of a resource. */
export interface Input {
  /** A change replaces the resource; otherwise it is updated in place. */
  replaces?: boolean;
  /** The service fills it in, so leaving it out is no change. */
  computed?: boolean;
  /** The value of an input that is left out. */
  default?: Value;
  /** The order of the items does not matter. */
  set?: boolean;
  /** For objects and lists of objects: the inputs of each, by the same rules. */
  fields?: Record<string, Input>;
  required?: boolean;
  /** What a text has to look like. */
  pattern?: RegExp;
  /** One form for all values that mean the same. */
  normalize?: (value: Value) => Value;
  /** Only the default is covered. */
  fixed?: boolean;
}

export type Schema = Record<string, Input>;
