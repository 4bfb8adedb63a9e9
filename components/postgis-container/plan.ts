import type * as pulumi from "@pulumi/pulumi";
import type { PreflightRequest } from "../../runner/request";
import { derived } from "../shared/check";
import type { PostgisContainerArgs } from "./args";
import { dataFolder, serverSettings } from "./server-settings";

interface PlannedContainer {
  readonly args: PostgisContainerArgs;
  readonly containerName: pulumi.Input<string>;
  readonly image: pulumi.Input<string>;
  readonly volumeName: pulumi.Input<string>;
  readonly hostAddress: pulumi.Input<string>;
  readonly port: pulumi.Input<number> | undefined;
  readonly user: pulumi.Input<string>;
  readonly database: pulumi.Input<string>;
}

/** Variables that change how a server starts. The values of all others are not passed on, because they may be secret. */
const decisive = /^(PGDATA|POSTGRES_INITDB_ARGS|PATH|LANG|LC_\w+|TZ|LD_\w+)$/;

/** The arguments that have another name in the plan. */
export const plannedArguments = {
  container: "containerName",
  volume: "volumeName",
  dataFolder: "image",
  variables: "environment",
};

/**
 * What is checked before the old container is removed: everything that can be wrong with the new one. A change of the plan runs
 * the check again, so the plan has exactly the arguments that replace the container.
 */
export function containerPlan(
  planned: PlannedContainer,
): Record<Exclude<keyof PreflightRequest, "dryRun">, pulumi.Input<unknown>> {
  const { args } = planned;
  const environment = args.environment ?? {};
  return {
    container: planned.containerName,
    dockerHost: args.dockerHost,
    // The first preflight makes the owner's id.
    owner: undefined,
    keepData: args.keepData,
    adopt: args.adopt,
    hostAddress: planned.hostAddress,
    port: planned.port,
    backupDirectory: args.backupDirectory,
    image: planned.image,
    user: planned.user,
    database: planned.database,
    volume: planned.volumeName,
    dataFolder: derived(planned.image, dataFolder),
    settings: derived(args.settings ?? {}, serverSettings),
    variables: derived(environment, (given) => Object.keys(given)),
    environment: derived(environment, (given) =>
      Object.fromEntries(Object.entries(given).filter(([variable]) => decisive.test(variable))),
    ),
    memory: args.memory,
    shmSize: args.shmSize ?? 1024,
    network: args.standby === true ? undefined : args.network,
    initScripts: args.initScripts,
    restoreFrom: args.restoreFrom === undefined ? undefined : { location: args.restoreFrom, s3: args.s3 },
  };
}
