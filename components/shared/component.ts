/** What all components have in common. */
import { createHash } from "node:crypto";
import * as pulumi from "@pulumi/pulumi";

/** The arguments, with the password as a secret. */
export function withSecretPassword<A extends { password?: pulumi.Input<string> }>(
  args: A,
): A & { password?: pulumi.Output<string> } {
  const password = args.password === undefined ? undefined : pulumi.secret(args.password);
  return { ...args, password };
}

/**
 * Options of a component's child. Pulumi itself passes on providers, aliases, transforms and `protect`, but not `dependsOn`.
 */
export function childOptions(
  parent: pulumi.ComponentResource,
  own: pulumi.ComponentResourceOptions | undefined,
  ...dependsOn: pulumi.Resource[]
): { parent: pulumi.ComponentResource; dependsOn: pulumi.Input<pulumi.Resource>[] } {
  const wanted = own?.dependsOn === undefined ? [] : [own.dependsOn].flat();
  return { parent, dependsOn: [...(wanted as pulumi.Input<pulumi.Resource>[]), ...dependsOn] };
}

/** All properties of a component that are outputs. */
export function outputsOf(component: pulumi.ComponentResource): pulumi.Inputs {
  const found = Object.entries(component).filter(
    ([name, value]) => name !== "urn" && pulumi.Output.isInstance(value),
  );
  return Object.fromEntries(found);
}

/** A trigger that is another one when anything in the value is. */
export function hashOf(value: unknown): string {
  return createHash("sha256").update(JSON.stringify(value)).digest("hex").slice(0, 32);
}
