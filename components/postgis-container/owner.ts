import type * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import { ownerLabel, PreflightResult } from "../../runner/request";

/** The id that marks a container and a volume as the component's own. The preflight makes it, and keeps it in the stack's state. */
export function ownerOf(preflight: command.local.Command, component: string): pulumi.Output<string> {
  return preflight.stdout.apply((stdout) =>
    // In earlier versions, the preflight printed nothing, and the label was made of names.
    stdout === ""
      ? [pulumi.getOrganization(), pulumi.getProject(), pulumi.getStack(), component].join("/")
      : PreflightResult.parse(JSON.parse(stdout)).owner,
  );
}

/** The user's labels, and the owner's. */
export function labelsOf(
  own: pulumi.Input<Record<string, pulumi.Input<string>>> | undefined,
  owner: pulumi.Output<string>,
): pulumi.Output<{ label: string; value: string }[]> {
  return pulumi
    .all([own ?? {}, owner])
    .apply(([given, id]) =>
      Object.entries({ ...given, [ownerLabel]: id }).map(([label, value]) => ({ label, value })),
    );
}
