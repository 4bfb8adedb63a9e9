import * as pulumi from "@pulumi/pulumi";
import { z } from "zod";

/**
 * Checks arguments against the runner's request schema: at once where their values are plain, else when they become
 * known, so that nothing is created from a request that the runner would refuse.
 */
export function checkedRequest<S extends z.ZodObject>(
  schema: S,
  request: pulumi.Inputs,
  resource: pulumi.ComponentResource,
): pulumi.Output<z.input<S>> {
  for (const [property, value] of Object.entries(request)) {
    const propertySchema: z.ZodType | undefined = schema.shape[property] as z.ZodType | undefined;
    if (propertySchema !== undefined && isPlain(value))
      checkValue(propertySchema, value, [property], resource);
  }
  return pulumi.output(request).apply((known) => {
    checkValue(schema, known, [], resource);
    return known as z.input<S>;
  });
}

/** The arguments, each checked by its own schema: at once where its value is plain, else when it becomes known. */
export function checkedArgs<A extends object>(schema: z.ZodObject, args: A, resource: pulumi.Resource): A {
  const checked = Object.entries(args).map(([property, value]: [string, unknown]) => {
    const propertySchema = schema.shape[property] as z.ZodType | undefined;
    if (propertySchema === undefined) return [property, value];
    const check = (known: unknown) => {
      checkValue(propertySchema, known, [property], resource);
      return known;
    };
    return [property, isPlain(value) ? check(value) : pulumi.all([value]).apply(([known]) => check(known))];
  });
  return Object.fromEntries(checked) as A;
}

/** Fails with the name of the component, the property and the reason; without a stack trace, which would hide them. */
export function checkValue(
  schema: z.ZodType,
  value: unknown,
  path: PropertyKey[],
  resource: pulumi.Resource,
): void {
  const { error } = schema.safeParse(value);
  if (error === undefined) return;
  const problems = error.issues.map((issue) => `${[...path, ...issue.path].join(".")}: ${issue.message}`);
  throw new pulumi.ResourceError(problems.join("\n"), resource, true);
}

function isPlain(value: unknown): boolean {
  if (pulumi.Output.isInstance(value) || value instanceof Promise) return false;
  if (typeof value !== "object" || value === null) return true;
  return Object.values(value).every(isPlain);
}

/** What is made of an argument; plain where that is plain, so that it can be checked at once. */
export function derived<T, U>(value: pulumi.Input<T>, make: (known: pulumi.Unwrap<T>) => U): pulumi.Input<U> {
  return isPlain(value) ? make(value as pulumi.Unwrap<T>) : pulumi.output(value).apply(make);
}
