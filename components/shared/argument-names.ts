/** Refuses unknown names of arguments: a misspelt argument would be silently ignored. */
import type * as pulumi from "@pulumi/pulumi";
import { didYouMean } from "../../runner/request";
import { isPlain, wrongArgument } from "./check";

/** The kind of setting that an argument is read from; arrays and records are read from objects. */
type Kind<T> = T extends string
  ? "string" | "secret"
  : T extends number
    ? "number"
    : T extends boolean
      ? "boolean"
      : "object" | "secretObject" | Readonly<Record<string, unknown>>;

/** All arguments of a component or of a nested object; the compiler checks that the list is complete and has no others. */
export type ArgumentNames<A> = {
  readonly [Name in keyof A]-?: Kind<pulumi.Unwrap<NonNullable<A[Name]>>>;
};

/** Refuses arguments that a component does not have; otherwise only the TypeScript compiler would find them. */
export function refuseUnknownArguments<A extends object>(
  args: A,
  names: ArgumentNames<A>,
  resource: pulumi.Resource,
): void {
  const problems = unknownIn(args, names, "");
  if (problems.length > 0) throw wrongArgument(problems.join("\n"), resource);
}

function unknownIn(args: object, names: Readonly<Record<string, unknown>>, path: string): string[] {
  return Object.entries(args).flatMap(([name, value]: [string, unknown]) => {
    if (value === undefined) return [];
    const known = Object.hasOwn(names, name) ? names[name] : undefined;
    if (known === undefined) return [`${path}${name}: is unknown.${didYouMean(name, Object.keys(names))}`];
    const nested = typeof known === "object" && typeof value === "object" && value !== null && isPlain(value);
    return nested ? unknownIn(value, known as Readonly<Record<string, unknown>>, `${path}${name}.`) : [];
  });
}
