import * as pulumi from "@pulumi/pulumi";
import type { BackupRequestInput } from "../../../runner/request";
import { problemsOf } from "../preview";

/** The error that is normal before the program has created the container. */
const notYetThere = /^error\[container-not-found\]/;

interface Previewed {
  readonly request: pulumi.Output<BackupRequestInput>;
  readonly password: pulumi.Output<string> | undefined;
  /** Whether the program can still create the container. */
  readonly waits: Promise<boolean>;
}

/** In a preview, warns of problems that would fail the backup. */
export function warnInPreview({ request, password, waits }: Previewed, resource: pulumi.Resource): void {
  if (!pulumi.runtime.isDryRun()) return;
  pulumi.all([request, password]).apply(async ([known, secret]) => {
    const environment: Record<string, string> = secret === undefined ? {} : { PGPASSWORD: secret };
    const problems = await problemsOf({ verb: ["backup"], request: { ...known, dryRun: true }, environment });
    if (problems === "") return;
    if (notYetThere.test(problems) && (await waits))
      await pulumi.log.info(`The backup is checked when container "${known.container}" runs.`, resource);
    else await pulumi.log.warn(`The backup would fail as things are now.\n${problems}`, resource);
  });
}
