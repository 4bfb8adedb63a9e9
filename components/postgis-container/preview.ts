import * as pulumi from "@pulumi/pulumi";
import type { PreflightRequestInput } from "../../runner/request";
import { lastState } from "../shared/last-state";
import { needsResources, problemsOf } from "../shared/preview";

/** What a resource of the program can still create. Files and networks that nobody creates are missing. */
const madeByOthers = ["backupDirectory", "initScripts", "network", "restoreFrom"] as const;

/**
 * In a preview, warns of what would keep the container from being created: a port or a name that is taken, a file that is not
 * there. It looks only when the preflight would run, and does not start the image.
 */
export function warnInPreview(
  request: pulumi.Output<PreflightRequestInput>,
  plan: Readonly<Record<(typeof madeByOthers)[number], pulumi.Input<unknown>>>,
  preflight: string,
  resource: pulumi.ComponentResource,
): void {
  if (!pulumi.runtime.isDryRun()) return;
  const command = pulumi.createUrn(preflight, "command:local:Command", resource);
  pulumi.all([request, command]).apply(async ([known, urn]) => {
    const last = await lastState(urn);
    if (last?.stdin === JSON.stringify(known)) return;
    const waiting = await Promise.all(
      madeByOthers.map(async (part) => ((await needsResources(plan[part])) ? [part] : [])),
    );
    const unseen = Object.fromEntries(waiting.flat().map((part) => [part, undefined]));
    const problems = await problemsOf({
      verb: ["preflight", ...(last === undefined ? [] : ["--again"])],
      request: { ...known, ...unseen, dryRun: true },
      environment: last === undefined ? {} : { PULUMI_COMMAND_STDOUT: last.stdout },
    });
    if (problems !== "")
      await pulumi.log.warn(`The container could not be created as things are now.\n${problems}`, resource);
  });
}
