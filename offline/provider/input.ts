import type { Value } from "./value";

/** Rules of the official provider for one input of a resource. */
export interface Input {
  /** A change replaces the resource. Without this, a change is an update in place. */
  replaces?: boolean;
  /** The service fills it in, so an absent value is not a change. */
  computed?: boolean;
  /** The value of an absent input. */
  default?: Value;
  /** The order of the items is ignored. */
  set?: boolean;
  /** For objects and lists of objects: the rules for their fields. */
  fields?: Record<string, Input>;
  required?: boolean;
  /** A text must match this. */
  pattern?: RegExp;
  /** Converts values with the same meaning to the same form. */
  normalize?: (value: Value) => Value;
  /** Only the default is covered. */
  fixed?: boolean;
}

export type Schema = Record<string, Input>;
