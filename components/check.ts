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
