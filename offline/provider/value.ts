import { Struct } from "google-protobuf/google/protobuf/struct_pb";

/** A property value in messages between the engine and a provider. */
export type Value = null | boolean | number | string | Value[] | { [key: string]: Value };
export type Properties = Record<string, Value>;

/** In a preview, the engine sends this for a string that is not known yet. */
export const UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

const UNKNOWNS = new Set([
  UNKNOWN,
  "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",
  "3eeb2bf0-c639-47a8-9e75-3b44932eb421",
  "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",
  "030794c1-ac77-496b-92df-f27374a8bd58",
  "e48ece36-62e2-4504-bad9-02848725956a",
  "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
]);

/** The key that marks an object as an asset, archive, secret or resource reference. */
const SIGNATURE = "4dabf18193072939515e22adb298388d";

export function isUnknown(value: Value | undefined): boolean {
  return typeof value === "string" && UNKNOWNS.has(value);
}

export function isObject(value: Value | undefined): value is Record<string, Value> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function some(value: Value | undefined, test: (value: Value) => boolean): boolean {
  if (value === undefined) return false;
  if (test(value)) return true;
  if (Array.isArray(value)) return value.some((item) => some(item, test));
  return isObject(value) && Object.values(value).some((item) => some(item, test));
}

export function containsUnknown(value: Value | undefined): boolean {
  return some(value, isUnknown);
}

/** Whether a value contains an asset, an archive or another specially marked object. */
export function containsMarked(value: Value | undefined): boolean {
  return some(value, (item) => isObject(item) && SIGNATURE in item);
}

export function fromStruct(struct: Struct | undefined): Properties {
  return struct?.toJavaScript() ?? {};
}

export function toStruct(properties: Properties): Struct {
  return Struct.fromJavaScript(properties);
}
