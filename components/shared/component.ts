/** What all components do alike. */
import * as pulumi from "@pulumi/pulumi";

/** The arguments, with a password that nobody sees. */
export function withSecretPassword<A extends { password?: pulumi.Input<string> }>(
  args: A,
): A & { password?: pulumi.Output<string> } {
  const password = args.password === undefined ? undefined : pulumi.secret(args.password);
  return { ...args, password };
}

/**
 * Options of a component's child. Pulumi itself hands on providers, aliases, transforms and `protect`; only `dependsOn` stays
 * with the component.
 */
export function childOptions(
  parent: pulumi.ComponentResource,
  own: pulumi.ComponentResourceOptions | undefined,
  ...dependsOn: pulumi.Resource[]
): { parent: pulumi.ComponentResource; dependsOn: pulumi.Input<pulumi.Resource>[] } {
  const wanted = own?.dependsOn === undefined ? [] : [own.dependsOn].flat();
  return { parent, dependsOn: [...(wanted as pulumi.Input<pulumi.Resource>[]), ...dependsOn] };
}

/** Options of a child that outlives the stack. They are absent where it does not, so that they do not undo what its parent says. */
export const kept = (keep: boolean) => (keep ? { protect: true, retainOnDelete: true } : {});

/** All outputs that a component has as properties. */
export function outputsOf(component: pulumi.ComponentResource): pulumi.Inputs {
  const found = Object.entries(component).filter(
    ([name, value]) => name !== "urn" && pulumi.Output.isInstance(value),
  );
  return Object.fromEntries(found);
}
