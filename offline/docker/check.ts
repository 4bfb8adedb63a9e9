import { createHash } from "node:crypto";
import type { CheckFailure, CheckOperation, CheckResult } from "../provider/provider";
import { containsMarked, isObject, isUnknown, type Properties, type Value } from "../provider/value";
import type { Input, Schema } from "./schema";

/** Where the official provider keeps the names of the inputs that it filled in itself. */
const DEFAULTS = "__defaults";

function checkObject(value: Properties, schema: Schema, path: string, root: string): CheckFailure[] {
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

function notCovered(property: string, root: string): CheckFailure {
  return { property, reason: `offline docker provider does not cover ${root}.${property}` };
}

function checkValue(value: Value, input: Input, path: string, root: string): CheckFailure[] {
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

/** Adds the defaults of inputs that are left out, at every depth. */
function fill(value: Properties, schema: Schema): Properties {
  const given = Object.entries(value)
    .filter(([, item]) => item !== null)
    .map(([key, item]) => [key, fillValue(item, schema[key]?.fields)] as const);
  const defaults = Object.entries(schema).flatMap(([key, input]) =>
    input.default === undefined ? [] : [[key, input.default] as const],
  );
  return { ...Object.fromEntries(defaults), ...Object.fromEntries(given) };
}

/** The name for a resource that was given none: kept while the resource lives, else new. */
function autoname({ name, oldInputs, randomSeed }: CheckOperation): string {
  const old = oldInputs?.["name"];
  if (typeof old === "string" && oldInputs !== undefined && isDefault(oldInputs, "name")) return old;
  return `${name}-${createHash("sha256").update(randomSeed).update(name).digest("hex").slice(0, 7)}`;
}

/** Whether the provider, not the program, chose an input. */
export function isDefault(inputs: Properties, key: string): boolean {
  const defaults = inputs[DEFAULTS];
  return Array.isArray(defaults) && defaults.includes(key);
}

/** Refuses what is not covered, then names the resource and fills in the defaults. */
export function checkInputs(
  inputs: Properties,
  schema: Schema,
  root: string,
  operation: CheckOperation,
): CheckResult {
  const named = { ...inputs, name: inputs["name"] ?? autoname(operation) };
  const failures = checkObject(named, schema, "", root);
  const filled = fill(named, schema);
  const chosen = Object.keys(filled).filter((key) => (inputs[key] ?? null) === null);
  return { inputs: { ...filled, [DEFAULTS]: chosen.sort() }, failures };
}
