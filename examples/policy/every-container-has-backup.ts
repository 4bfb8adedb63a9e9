import type { StackValidationPolicy } from "@pulumi/policy";

/** A policy for a whole stack sees the outputs of each resource, which for a command have its inputs too. */
export const everyContainerHasBackup: StackValidationPolicy = {
  name: "every-postgis-container-has-a-backup",
  description: "Every PostgisContainer has a TableBackup in its stack.",
  enforcementLevel: "mandatory",
  validateStack: ({ resources }, reportViolation) => {
    const backedUp = resources
      .filter(
        ({ type, parent }) =>
          type === "command:local:Command" && parent?.type === "postgis-backup:index:TableBackup",
      )
      .map(({ props }) => (JSON.parse(String(props["stdin"])) as { container: string }).container);
    for (const { type, props, urn } of resources) {
      if (type !== "postgis-backup:index:PostgisContainer") continue;
      const container = String(props["containerName"]);
      if (!backedUp.includes(container))
        reportViolation(`${container} has no backup: declare a TableBackup with its connection.`, urn);
    }
  },
};
