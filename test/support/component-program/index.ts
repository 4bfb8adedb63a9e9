import * as pulumi from "@pulumi/pulumi";
import * as components from "postgis-backup";

type Component = new (
  name: string,
  args: object,
  opts?: pulumi.ComponentResourceOptions,
) => pulumi.ComponentResource;

interface Declared {
  readonly component: keyof typeof components;
  readonly args: object;
  readonly name: string;
  /** The name that it had before. */
  readonly alias?: string;
  /** Further variables of the children that are commands, set by a transform of the component. */
  readonly environment?: Readonly<Record<string, string>>;
}

const { component, args, name, alias, environment } = new pulumi.Config().requireObject<Declared>("declared");
const addEnvironment: pulumi.ResourceTransform = ({ type, props, opts }) => {
  if (type !== "command:local:Command") return undefined;
  return { props: { ...props, environment: { ...(props["environment"] as object), ...environment } }, opts };
};
const Kind = components[component] as unknown as Component;
const declared = new Kind(name, args, {
  ...(alias === undefined ? {} : { aliases: [{ name: alias }] }),
  ...(environment === undefined ? {} : { transforms: [addEnvironment] }),
});

export const outputs = Object.fromEntries(
  Object.entries(declared).filter(([, value]) => pulumi.Output.isInstance(value)),
) as Record<string, pulumi.Output<unknown>>;
