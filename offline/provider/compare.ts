import type { Input, Schema } from "./input";
import type { Change } from "./provider";
import { containsUnknown, isObject, type Properties, type Value } from "./value";

function isEmpty(value: Value | undefined): boolean {
  if (value === undefined || value === null || value === "" || value === 0 || value === false) return true;
  if (Array.isArray(value)) return value.length === 0;
  return isObject(value) && Object.keys(value).length === 0;
}

function canonicalItem(value: Value, input: Input): Value | undefined {
  if (!isObject(value)) return value;
  const entries = Object.entries(value)
    .filter(([key]) => !key.startsWith("__"))
    .map(([key, item]) => [key, canonical(item, input.fields?.[key] ?? {})] as const)
    .filter((entry): entry is [string, Value] => entry[1] !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries);
}

/** Normalizes values that the official provider treats as equal: drops empty values, sorts sets. */
export function canonical(given: Value | undefined, input: Input): Value | undefined {
  if (given === undefined || isEmpty(given)) return undefined;
  const value = input.normalize?.(given) ?? given;
  if (!Array.isArray(value)) {
    const item = canonicalItem(value, input);
    return isEmpty(item) ? undefined : item;
  }
  const items = value.map((item) => canonicalItem(item, input) ?? null);
  if (!input.set) return items;
  return [...new Map(items.map((item) => [JSON.stringify(item), item]))]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, item]) => item);
}

function without(item: Properties, keys: string[]): Properties {
  return Object.fromEntries(Object.entries(item).filter(([key]) => !keys.includes(key)));
}

/** Removes values from an object, or a list of objects, that the service chose and the program did not, such as a free port. */
function withoutComputed(
  state: Value | undefined,
  wanted: Value | undefined,
  input: Input,
): Value | undefined {
  const { fields } = input;
  if (fields !== undefined && isObject(state) && isObject(wanted))
    return Object.fromEntries(
      Object.entries(state).flatMap(([key, value]) => {
        const field = fields[key];
        if (field?.computed && isEmpty(wanted[key])) return [];
        const kept = field === undefined ? value : withoutComputed(value, wanted[key], field);
        return kept === undefined ? [] : [[key, kept]];
      }),
    );
  const computed = Object.keys(input.fields ?? {}).filter((key) => input.fields?.[key]?.computed);
  if (computed.length === 0 || !Array.isArray(state) || !Array.isArray(wanted)) return state;
  const identity = (item: Properties): string =>
    JSON.stringify(canonicalItem(without(item, computed), input));
  return state.map((item) => {
    if (!isObject(item)) return item;
    const match = wanted.filter(isObject).find((other) => identity(other) === identity(item));
    return match
      ? without(
          item,
          computed.filter((key) => isEmpty(match[key])),
        )
      : item;
  });
}

/** Whether a part differs whose change replaces the resource. */
function replacesWithin(state: Value | undefined, wanted: Value | undefined, input: Input): boolean {
  if (!isObject(wanted)) return false;
  const before = isObject(state) ? state : {};
  return Object.entries(input.fields ?? {}).some(
    ([key, field]) =>
      (field.replaces && changeOf(key, field, before[key], wanted[key]) !== undefined) ||
      replacesWithin(before[key], wanted[key], field),
  );
}

function changeOf(
  path: string,
  input: Input,
  state: Value | undefined,
  wanted: Value | undefined,
): Change | undefined {
  const replace = (input.replaces ?? false) || replacesWithin(state, wanted, input);
  if (containsUnknown(wanted)) return { path, kind: "update", replace };
  const after = canonical(wanted, input);
  if (after === undefined && input.computed) return undefined;
  const before = canonical(withoutComputed(state, wanted, input), input);
  if (JSON.stringify(before) === JSON.stringify(after)) return undefined;
  const kind = before === undefined ? "add" : after === undefined ? "delete" : "update";
  return { path, kind, replace };
}

/** The differences between the state that the service last reported and what the program wants now. */
export function compareToState(state: Properties, wanted: Properties, schema: Schema): Change[] {
  return Object.entries(schema).flatMap(
    ([key, input]) => changeOf(key, input, state[key], wanted[key]) ?? [],
  );
}

/** The state after an update in place: the wanted values, and the values that the service chose before. */
export function updatedState(state: Properties, wanted: Properties, schema: Schema): Properties {
  const kept = Object.entries(state).filter(([key]) => {
    const input = Object.hasOwn(schema, key) ? schema[key] : undefined;
    return input === undefined || (input.computed && (wanted[key] ?? null) === null);
  });
  return { ...Object.fromEntries(kept), ...visible(wanted) };
}

/** The form of inputs in the outputs. */
export function visible(inputs: Properties): Properties {
  return Object.fromEntries(Object.entries(inputs).filter(([key]) => !key.startsWith("__")));
}

/** The old inputs, replaced by the values of the service if they differ. */
export function refreshedInputs(inputs: Properties, state: Properties, schema: Schema): Properties {
  const entries = Object.entries(inputs).map(([key, value]) => {
    const input = Object.hasOwn(schema, key) ? schema[key] : undefined;
    const now = state[key];
    if (input === undefined || now === undefined) return [key, value] as const;
    return [key, changeOf(key, input, now, value) === undefined ? value : now] as const;
  });
  return Object.fromEntries(entries);
}
