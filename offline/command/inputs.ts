import type { CheckFailure } from "../provider/provider";
import { containsMarked, isObject, isUnknown, type Properties, type Value } from "../provider/value";

/** The inputs of command:local:Command that are covered, under the names of the official provider. */
export interface CommandInputs {
  create?: string;
  update?: string;
  delete?: string;
  dir?: string;
  environment?: Record<string, string>;
  interpreter?: string[];
  stdin?: string;
  triggers?: Value[];
  logging?: string;
  addPreviousOutputInEnv?: boolean;
}

const LOGGING = ["stdout", "stderr", "stdoutAndStderr", "none"];

const isString = (value: Value): boolean => typeof value === "string";

type Rule = [accepts: (value: Value) => boolean, expected: string];

const STRING: Rule = [isString, "a string"];

const RULES: Record<keyof CommandInputs, Rule> = {
  create: STRING,
  update: STRING,
  delete: STRING,
  dir: STRING,
  stdin: STRING,
  environment: [
    (value) => isObject(value) && Object.values(value).every(isString),
    "a map of strings to strings",
  ],
  interpreter: [(value) => Array.isArray(value) && value.every(isString), "a list of strings"],
  triggers: [Array.isArray, "a list"],
  logging: [(value) => isString(value) && LOGGING.includes(value as string), `one of ${LOGGING.join(", ")}`],
  addPreviousOutputInEnv: [(value) => typeof value === "boolean", "a boolean"],
};

export const COMMAND_INPUTS = Object.keys(RULES);

function failureOf(property: string, value: Value): CheckFailure | undefined {
  const rule = Object.hasOwn(RULES, property) ? RULES[property as keyof CommandInputs] : undefined;
  if (rule === undefined) {
    return { property, reason: `offline command provider does not cover Command.${property}` };
  }
  if (containsMarked(value)) {
    return { property, reason: `offline command provider does not cover assets in Command.${property}` };
  }
  const [accepts, expected] = rule;
  return isUnknown(value) || accepts(value) ? undefined : { property, reason: `expected ${expected}` };
}

/** Drops nulls, which stand for absent inputs. */
export function given(inputs: Properties): Properties {
  return Object.fromEntries(Object.entries(inputs).filter(([, value]) => value !== null));
}

export function checkCommandInputs(inputs: Properties): CheckFailure[] {
  return Object.entries(inputs)
    .filter(([property]) => !property.startsWith("__"))
    .flatMap(([property, value]) => failureOf(property, value) ?? []);
}

/** Reads stored properties. They passed the check before they were stored. */
export function asCommandInputs(properties: Properties): CommandInputs {
  return properties;
}
