import { isObject, type Properties, type Value } from "../provider/value";

/** Names where S3's API and the provider differ in more than the case of the first letter. */
const special: Readonly<Record<string, string>> = {
  id: "ID",
  kmsMasterKeyId: "KMSMasterKeyID",
  sseAlgorithm: "SSEAlgorithm",
};
const specialBack = new Map(Object.entries(special).map(([ours, api]) => [api, ours]));

function mapKeys(value: Value, rename: (key: string) => string): Value {
  if (Array.isArray(value)) return value.map((item) => mapKeys(item, rename));
  if (!isObject(value)) return value;
  const entries = Object.entries(value)
    .filter(([key, item]) => !key.startsWith("__") && (item as Value | undefined) !== undefined)
    .map(([key, item]) => [rename(key), mapKeys(item, rename)] as const);
  return Object.fromEntries(entries);
}

/** Converts inputs to the names of S3's API. The caller knows the type. */
export function toApi(value: Value | undefined): unknown {
  return mapKeys(value ?? null, (key) => special[key] ?? key.charAt(0).toUpperCase() + key.slice(1));
}

/** Converts an answer of S3's API to outputs. */
export function fromApi(value: object): Properties {
  const rename = (key: string): string => specialBack.get(key) ?? key.charAt(0).toLowerCase() + key.slice(1);
  return mapKeys(value as Properties, rename) as Properties;
}
