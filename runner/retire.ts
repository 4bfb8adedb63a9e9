import { findContainer, type Inspection, runningContainer } from "./docker/container";
import { docker as dockerFor, dockerOutput } from "./docker/docker";
import { Failure } from "./failure";
import { boundPorts } from "./migrate/published-port";
import { type MigrationRecord, readRecord } from "./migrate/record";
import type { MigrateResult, RetireRequest } from "./request";

/** Removes the container that was migrated, and its data only where that is asked for. What is gone already is none of its business. */
export async function retire(request: RetireRequest, signal: AbortSignal): Promise<MigrateResult> {
  const docker = dockerFor(request.dockerHost);
  const container = await runningContainer(docker, request.toContainer);
  const record = await readRecord({ docker, container, request }, signal);
  if (record === undefined)
    throw needed(request, `nothing was migrated from it to "${request.toContainer}" yet`);
  const old = await findContainer(docker, request.container);
  if (old !== undefined) {
    checkNotNeeded(request, record, old, container);
    await dockerOutput(docker, ["rm", old.Id]);
  }
  const volumes = request.removeData ? record.volumes : [];
  for (const volume of volumes) await dockerOutput(docker, ["volume", "rm", "--force", volume]);
  return { ...record.result, removed: [...(old === undefined ? [] : [request.container]), ...volumes] };
}

function checkNotNeeded(
  request: RetireRequest,
  record: MigrationRecord,
  old: Inspection,
  fresh: Inspection,
): void {
  const { toContainer } = request;
  if (old.Id !== record.from)
    throw needed(request, `what was migrated to "${toContainer}" came from another container`);
  if (old.State.Running) throw needed(request, "it was started again");
  if (boundPorts(fresh).length === 0) throw needed(request, `"${toContainer}" publishes no port`);
}

function needed({ container }: RetireRequest, why: string): Failure {
  return new Failure("old-side-needed", `Container "${container}" was not removed: ${why}.`);
}
