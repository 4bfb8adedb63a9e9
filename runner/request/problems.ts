/** What is wrong with a value, in words that follow the name of a setting: "is missing", "must be a number". */
import type * as levenshtein from "fastest-levenshtein";
import type { z } from "zod";

interface Problem {
  readonly path: readonly string[];
  readonly message: string;
}

type Parsed<T> =
  | { readonly data: T; readonly problems?: undefined }
  | { readonly data?: undefined; readonly problems: Problem[] };

/** Like zod's `safeParse`, whose own words are for programmers. */
export function parseInWords<T>(schema: z.ZodType<T>, value: unknown): Parsed<T> {
  const { data, error } = schema.safeParse(value, { error: inWords });
  if (error === undefined) return { data };
  return {
    problems: error.issues.flatMap((issue) => {
      const path = issue.path.map(String);
      if (issue.code !== "unrecognized_keys") return [{ path, message: issue.message }];
      const known = settingsOf(schema, issue.path);
      return issue.keys.map((key) => ({
        path: [...path, key],
        message: `is unknown.${didYouMean(key, known)}`,
      }));
    }),
  };
}

const types: Readonly<Record<string, string>> = {
  string: "text",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
  array: "a list",
  object: "an object",
  record: "an object",
};

/** Undefined where the schema has words of its own, or zod's do. */
function inWords(issue: z.core.$ZodRawIssue): string | undefined {
  switch (issue.code) {
    case "invalid_type":
      if (issue.input === undefined) return "is missing";
      return `must be ${types[issue.expected] ?? issue.expected}`;
    case "too_small":
      if (issue.origin === "string") return "must not be empty";
      if (issue.origin === "array") return "must not be an empty list";
      return `must be ${issue.inclusive === false ? "more than" : "at least"} ${issue.minimum}`;
    case "too_big":
      return `must be ${issue.inclusive === false ? "less than" : "at most"} ${issue.maximum}`;
    case "invalid_value":
      return `must be ${issue.values
        .map(String)
        .join(", ")
        .replace(/, ([^,]*)$/, " or $1")}`;
    default:
      return undefined;
  }
}

/** The settings that the object at a path of a value may have. */
function settingsOf(schema: z.core.$ZodType, [first, ...rest]: readonly PropertyKey[]): string[] {
  const { def } = schema._zod as {
    def: Partial<Record<"innerType" | "element", z.core.$ZodType>> & { shape?: Shape };
  };
  if (def.innerType !== undefined)
    return settingsOf(def.innerType, first === undefined ? [] : [first, ...rest]);
  if (first === undefined) return Object.keys(def.shape ?? {});
  const inner = def.element ?? def.shape?.[String(first)];
  return inner === undefined ? [] : settingsOf(inner, rest);
}

type Shape = Readonly<Record<string, z.core.$ZodType>>;

/** Suggests the nearest known name, if at most one letter in three differs. */
export function didYouMean(name: string, known: readonly string[]): string {
  // Loaded here, because only a wrong name needs it.
  // eslint-disable-next-line @typescript-eslint/no-require-imports
  const { distance } = require("fastest-levenshtein") as typeof levenshtein;
  const [nearest] = known
    .map((candidate) => ({ candidate, letters: distance(candidate.toLowerCase(), name.toLowerCase()) }))
    .sort((a, b) => a.letters - b.letters);
  const near = nearest !== undefined && nearest.letters <= Math.max(1, name.length / 3);
  return near ? ` Did you mean ${nearest.candidate}?` : "";
}
