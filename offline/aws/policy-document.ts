import { isObject, type Value } from "../provider/value";

/** Normalizes a policy, so that equal policies compare equal: a list of one becomes its item, and order is ignored. */
export function normalizePolicy(policy: Value): Value {
  if (typeof policy !== "string") return policy;
  try {
    return JSON.stringify(ordered(JSON.parse(policy) as Value));
  } catch {
    return policy;
  }
}

function ordered(value: Value): Value {
  if (Array.isArray(value)) {
    const items = value.map(ordered);
    if (items.length === 1) return items[0] ?? null;
    return items.sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
  }
  if (!isObject(value)) return value;
  const entries = Object.entries(value).map(([key, item]) => [key, ordered(item)] as const);
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}
