import * as pulumi from "@pulumi/pulumi";
import * as components from "postgis-backup";

type Component = new (
  name: string,
  args: object,
  opts?: pulumi.ComponentResourceOptions,
) => pulumi.ComponentResource;

interface Declared {
  readonly component: "PostgisContainer" | "TableBackup" | "TableRestore" | "Migration" | "BackupBucket";
  readonly args: object;
}

const { component, args } = new pulumi.Config().requireObject<Declared>("declared");
const Kind = components[component] as unknown as Component;
const declared = new Kind("it", args);

export const outputs = Object.fromEntries(
  Object.entries(declared).filter(([, value]) => pulumi.Output.isInstance(value)),
) as Record<string, pulumi.Output<unknown>>;
