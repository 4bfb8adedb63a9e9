import * as pulumi from "@pulumi/pulumi";
import { z } from "zod";
import { parseInWords } from "../../runner/request";

/** Errors in arguments that were found so far; cleared when everything that waits for them has failed. */
const found: Error[] = [];

/**
 * Waits until the program has declared its resources, and fails if any argument is wrong. Otherwise resources that were declared
 * before the wrong one would still be created, because the program does not end at an error.
 */
export function argumentsChecked(): Promise<void> {
  return new Promise((resolve, reject) => {
    setImmediate(() => {
      if (found[0] === undefined) resolve();
      else reject(found[0]);
    });
  });
}

/**
 * An error without a stack trace, which would hide the message. The message names the component, because an error that belongs to
 * a resource is printed only when the resource is registered, and that may wait for resources that are not created now.
 */
export function wrongArgument(message: string, resource: pulumi.Resource): Error {
  const { __pulumiType: type, __name: name } = resource as unknown as Record<string, string>;
  const component = `${type?.split(":").at(-1) ?? ""} "${name ?? ""}"`;
  return remember(new pulumi.ResourceError(`${message} (${component})`, undefined, true));
}

/** Remembers an error, so that no resource that was declared with the wrong one is created. */
export function remember(error: Error): Error {
  const same = found.find(({ message }) => message === error.message);
  if (same !== undefined) return same;
  found.push(error);
  setImmediate(() => found.splice(found.indexOf(error), 1));
  return error;
}

/** Stands for values that are known only when the server exists, so that the other arguments can be checked before. */
const anyServer = {
  container: "pending",
  user: "pending",
  database: "pending",
  dockerHost: undefined,
  volume: "pending",
  once: undefined,
};

/**
 * Checks arguments against the runner's request schema: at once where their values are plain, else when they become
 * known, so that nothing is created from a request that the runner would refuse. `argumentOf` maps properties of the request to
 * arguments with another name.
 */
export function checkedRequest<S extends z.ZodObject>(
  schema: S,
  request: pulumi.Inputs,
  resource: pulumi.ComponentResource,
  argumentOf: Readonly<Record<string, string>> = {},
): pulumi.Output<z.input<S>> {
  const check = (part: z.ZodType, value: unknown, path: PropertyKey[]) => {
    checkValue(part, value, path, resource, argumentOf);
  };
  for (const [property, value] of Object.entries(request)) {
    const propertySchema: z.ZodType | undefined = schema.shape[property] as z.ZodType | undefined;
    if (propertySchema === undefined) continue;
    if (isPlain(value)) check(propertySchema, value, [property]);
    else
      pulumi.output(value).apply((known: unknown) => {
        check(propertySchema, known, [property]);
      });
  }
  const plain = Object.fromEntries(
    Object.entries(request).map(([property, value]) => [
      property,
      isPlain(value) || !(property in anyServer) ? (value as unknown) : anyServer[property as "container"],
    ]),
  );
  if (isPlain(plain)) check(schema, plain, []);
  return pulumi.output(request).apply((known) => {
    check(schema, known, []);
    return known as z.input<S>;
  });
}

/**
 * The arguments, each checked by its own schema: at once where its value is plain, else when it becomes known. The parts of a nested
 * argument are checked in the same way.
 */
export function checkedArgs<A extends object>(
  schema: z.ZodObject,
  args: A,
  resource: pulumi.Resource,
  path: readonly string[] = [],
): A {
  const checked = Object.entries(args).map(([property, value]: [string, unknown]) => {
    const propertySchema = schema.shape[property] as z.ZodType | undefined;
    if (propertySchema === undefined) return [property, value];
    const check = (known: unknown) => {
      checkValue(propertySchema, known, [...path, property], resource);
      return known;
    };
    if (isPlain(value)) return [property, check(value)];
    const parts = propertySchema instanceof z.ZodOptional ? propertySchema.unwrap() : propertySchema;
    return parts instanceof z.ZodObject && !isPending(value)
      ? [property, checkedArgs(parts, value as object, resource, [...path, property])]
      : [property, pulumi.all([value]).apply(([known]) => check(known))];
  });
  return Object.fromEntries(checked) as A;
}

/** A boolean. The text "false" is refused, because it would count as true. */
export const Switch = z.boolean().optional();

/** A password is one line, because psql reads it as a line. The message must not show any of it. */
const Password = z
  .string("must be a text")
  .min(1, "must not be empty")
  .regex(/^[^\r\n\0]*$/, "must be one line");

/** Checks a plain password at once; as a secret, it would be known only later. */
export function checkPassword(password: pulumi.Input<string> | undefined, resource: pulumi.Resource): void {
  if (password === undefined) return;
  void derived(password, (known) => {
    checkValue(Password, known, ["password"], resource);
  });
}

/** Fails with the name of the component, the property and the reason; without a stack trace, which would hide them. */
export function checkValue(
  schema: z.ZodType,
  value: unknown,
  path: PropertyKey[],
  resource: pulumi.Resource,
  argumentOf: Readonly<Record<string, string>> = {},
): void {
  const { problems } = parseInWords(schema, value);
  if (problems === undefined) return;
  const lines = problems.map(({ path: inner, message }) => {
    const [property = "", ...rest] = [...path.map(String), ...inner];
    return `${[argumentOf[property] ?? property, ...rest].join(".")}: ${message}`;
  });
  throw wrongArgument(lines.join("\n"), resource);
}

const isPending = (value: unknown) => pulumi.Output.isInstance(value) || value instanceof Promise;

export function isPlain(value: unknown): boolean {
  if (isPending(value)) return false;
  if (typeof value !== "object" || value === null) return true;
  return Object.values(value).every(isPlain);
}

/** A value that is computed from an argument. It is plain if the argument is plain, so that it can be checked at once. */
export function derived<T, U>(value: pulumi.Input<T>, make: (known: pulumi.Unwrap<T>) => U): pulumi.Input<U> {
  return isPlain(value) ? make(value as pulumi.Unwrap<T>) : pulumi.output(value).apply(make);
}
