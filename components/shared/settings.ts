/** Settings of a stack that are arguments of components. */
import * as pulumi from "@pulumi/pulumi";
import { didYouMean } from "../../runner/request";
import type { ArgumentNames } from "./argument-names";
import { remember } from "./check";

interface Settings {
  readonly config: pulumi.Config;
  /** Reads the arguments of a component from the settings of the same names; arguments that are not set are absent. */
  readonly argumentsOf: <A, Left extends keyof A = never>(
    component: { readonly argumentNames: ArgumentNames<A> },
    ...leftOut: Left[]
  ) => Omit<Partial<A>, Left>;
  /** To be called last: refuses settings that were never read. */
  readonly refuseUnknown: () => void;
}

/** The program's settings. A misspelt setting would be ignored, so settings that are never read are refused. */
export function settings(): Settings {
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
  const read = (name: string, kind: unknown): unknown => {
    if (kind === "string") return config.get(name);
    if (kind === "secret") return config.getSecret(name);
    if (kind === "secretObject") return config.getSecretObject(name);
    if (kind === "number") return config.getNumber(name);
    return kind === "boolean" ? config.getBoolean(name) : config.getObject(name);
  };
  return {
    config,
    argumentsOf: ({ argumentNames }, ...leftOut) =>
      Object.fromEntries(
        Object.entries(argumentNames)
          .filter(([name]) => !(leftOut as readonly string[]).includes(name))
          .map(([name, kind]) => [name, read(name, kind)]),
      ) as never,
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
