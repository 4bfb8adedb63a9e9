/** A name that is not known would be ignored, and what it was to do would not be done. */
import type * as levenshtein from "fastest-levenshtein";
import * as pulumi from "@pulumi/pulumi";
import type { NamesOf } from "./argument-names";
import { isPlain, remember, wrongArgument } from "./check";

/** Refuses arguments that a component does not have, which only the compiler of TypeScript would find. */
export function refuseUnknownArguments<A extends object>(
  args: A,
  names: NamesOf<A>,
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
    const nested = known !== true && typeof value === "object" && value !== null && isPlain(value);
    return nested ? unknownIn(value, known as Readonly<Record<string, true>>, `${path}${name}.`) : [];
  });
}

/** The program's settings, and an end of reading them, which refuses those that were set and not asked for. */
export function settings(): { readonly config: pulumi.Config; readonly refuseUnknown: () => void } {
  const own = new pulumi.Config();
  const asked = new Set<string>();
  const config = new Proxy(own, {
    get: (target, property) => {
      const value: unknown = Reflect.get(target, property, target);
      if (typeof value !== "function") return value;
      return (name: string, ...rest: unknown[]): unknown => {
        asked.add(name);
        return Reflect.apply(value, target, [name, ...rest]);
      };
    },
  });
  return {
    config,
    refuseUnknown: () => {
      const prefix = `${own.name}:`;
      const problems = Object.keys(pulumi.runtime.allConfig())
        .filter((key) => key.startsWith(prefix) && !asked.has(key.slice(prefix.length)))
        .map((key) => {
          const name = key.slice(prefix.length);
          return `Setting "${name}" is unknown.${didYouMean(name, [...asked])} "pulumi config rm ${name}" removes it.`;
        });
      if (problems.length > 0) throw remember(new pulumi.RunError(problems.join("\n")));
    },
  };
}

/** The nearest of the known names, up to one letter off in three. */
function didYouMean(name: string, known: readonly string[]): string {
  // Only a name that is wrong needs it.
  // eslint-disable-next-line @typescript-eslint/no-require-imports
  const { distance } = require("fastest-levenshtein") as typeof levenshtein;
  const [nearest] = known
    .map((candidate) => ({ candidate, letters: distance(candidate.toLowerCase(), name.toLowerCase()) }))
    .sort((a, b) => a.letters - b.letters);
  const near = nearest !== undefined && nearest.letters <= Math.max(1, name.length / 3);
  return near ? ` Did you mean ${nearest.candidate}?` : "";
}
