import type { Change } from "./provider";
import { isObject, type Properties, type Value } from "./value";

function keyPath(prefix: string, key: string): string {
  const plain = /^[A-Za-z_$][\w$]*$/.test(key);
  if (plain) return prefix === "" ? key : `${prefix}.${key}`;
  return `${prefix}[${JSON.stringify(key)}]`;
}

function children(value: Value | undefined, prefix: string): Map<string, Value> | undefined {
  if (Array.isArray(value)) {
    return new Map(value.map((item, index) => [`${prefix}[${index}]`, item]));
  }
  if (isObject(value)) {
    return new Map(Object.entries(value).map(([key, item]) => [keyPath(prefix, key), item]));
  }
  return undefined;
}

function compare(
  path: string,
  before: Value | undefined,
  after: Value | undefined,
): Omit<Change, "replace">[] {
  if (before === undefined) return after === undefined ? [] : [{ path, kind: "add" }];
  if (after === undefined) return [{ path, kind: "delete" }];
  const sameShape = Array.isArray(before) === Array.isArray(after);
  const olds = children(before, path);
  const news = children(after, path);
  if (!sameShape || olds === undefined || news === undefined) {
    return before === after ? [] : [{ path, kind: "update" }];
  }
  const paths = new Set([...olds.keys(), ...news.keys()]);
  return [...paths].flatMap((child) => compare(child, olds.get(child), news.get(child)));
}

/**
 * Every changed path between two sets of inputs. An unknown value is a special string, so it differs from any known
 * value.
 */
export function diffProperties(before: Properties, after: Properties, replaceKeys: Set<string>): Change[] {
  const visible = (key: string): boolean => key !== "version" && !key.startsWith("__");
  const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])].filter(visible);
  return keys.flatMap((key) =>
    compare(keyPath("", key), before[key], after[key]).map((change) => ({
      ...change,
      replace: replaceKeys.has(key),
    })),
  );
}
