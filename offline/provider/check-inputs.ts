import { createHash } from "node:crypto";
import type { Input, Schema } from "./input";
import type { CheckFailure, CheckOperation, CheckResult } from "./provider";
import { containsMarked, isObject, isUnknown, type Properties, type Value } from "./value";

/** The property in which the official provider stores the names of the inputs that it filled in. */
const DEFAULTS = "__defaults";

/** The resource type whose inputs are checked, such as `{ provider: "docker", type: "Container" }`. */
export interface Subject {
  provider: string;
  type: string;
}

function checkObject(value: Properties, schema: Schema, path: string, root: Subject): CheckFailure[] {
  const given = Object.entries(value).filter(([key, item]) => item !== null && !key.startsWith("__"));
  const missing = Object.entries(schema).filter(
    ([key, input]) => input.required && (value[key] ?? null) === null,
  );
  const property = (key: string): string => (path === "" ? key : `${path}.${key}`);
  return [
    ...missing.map(([key]) => ({ property: property(key), reason: "is required" })),
    ...given.flatMap(([key, item]) => {
      const input = Object.hasOwn(schema, key) ? schema[key] : undefined;
      return input === undefined
        ? [notCovered(property(key), root)]
        : checkValue(item, input, property(key), root);
    }),
  ];
}

function notCovered(property: string, { provider, type }: Subject): CheckFailure {
  return { property, reason: `offline ${provider} provider does not cover ${type}.${property}` };
}

function checkValue(value: Value, input: Input, path: string, root: Subject): CheckFailure[] {
  if (isUnknown(value)) return [];
  if (containsMarked(value)) return [notCovered(path, root)];
  if (input.fixed && value !== input.default) return [notCovered(path, root)];
  if (input.pattern !== undefined && !(typeof value === "string" && input.pattern.test(value))) {
    return [{ property: path, reason: `${JSON.stringify(value)} does not match ${input.pattern.source}` }];
  }
  const { fields } = input;
  if (fields === undefined) return [];
  if (Array.isArray(value)) {
    return value.flatMap((item) => (isObject(item) ? checkObject(item, fields, path, root) : []));
  }
  return isObject(value)
    ? checkObject(value, fields, path, root)
    : [{ property: path, reason: "expected an object" }];
}

function fillValue(value: Value, fields: Schema | undefined): Value {
  if (fields === undefined) return value;
  if (Array.isArray(value)) return value.map((item) => fillValue(item, fields));
  return isObject(value) ? fill(value, fields) : value;
}

/** Adds defaults for absent inputs, at every depth. */
function fill(value: Properties, schema: Schema): Properties {
  const given = Object.entries(value)
    .filter(([, item]) => item !== null)
    .map(([key, item]) => [key, fillValue(item, schema[key]?.fields)] as const);
  const defaults = Object.entries(schema).flatMap(([key, input]) =>
    input.default === undefined ? [] : [[key, input.default] as const],
  );
  return { ...Object.fromEntries(defaults), ...Object.fromEntries(given) };
}

/** Chooses a name for a resource without one. The resource keeps it while it exists. */
export function autoname({ name, oldInputs, randomSeed }: CheckOperation, key = "name"): string {
  const old = oldInputs?.[key];
  if (typeof old === "string" && oldInputs !== undefined && isDefault(oldInputs, key)) return old;
  return `${name}-${createHash("sha256").update(randomSeed).update(name).digest("hex").slice(0, 7)}`;
}

/** Whether the provider chose an input, and not the program. */
export function isDefault(inputs: Properties, key: string): boolean {
  const defaults = inputs[DEFAULTS];
  return Array.isArray(defaults) && defaults.includes(key);
}

/** Refuses inputs that are not covered. Then fills in what the provider chooses, and the defaults. */
export function checkInputs(
  inputs: Properties,
  schema: Schema,
  subject: Subject,
  chosen: Properties = {},
): CheckResult {
  const isGiven = (key: string) => (inputs[key] ?? null) !== null;
  const ownChoice = Object.entries(chosen).filter(([key]) => !isGiven(key));
  const all = { ...inputs, ...Object.fromEntries(ownChoice) };
  const failures = checkObject(all, schema, "", subject);
  const filled = fill(all, schema);
  const defaults = Object.keys(filled).filter((key) => !isGiven(key));
  return { inputs: { ...filled, [DEFAULTS]: defaults.sort() }, failures };
}
