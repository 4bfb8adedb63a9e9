import type Docker from "dockerode";
import { compareToState, refreshedInputs, updatedState, visible } from "../provider/compare";
import type { Resource } from "../provider/provider";
import { UNKNOWN, type Properties } from "../provider/value";
import { poll, unlessAborted } from "./abort";
import { checkNamed } from "./check";
import { attempt, isMissing, unlessMissing } from "./client";
import { parseDuration } from "./duration";
import { SERVICE } from "./schema";
import { type ServiceInspection, serviceBody, type ServiceInputs, serviceState } from "./service-spec";
import { keepsGivenName } from "./volume";

interface Task {
  readonly Status: { readonly State: string; readonly ContainerStatus?: { readonly ContainerID?: string } };
}

/** Containers of this daemon that the tasks of a service run in. */
async function containersOf(docker: Docker, name: string): Promise<string[]> {
  const tasks = (await docker.listTasks({ filters: { service: [name] } })) as Task[];
  return tasks.flatMap(({ Status }) => {
    const id = Status.ContainerStatus?.ContainerID ?? "";
    return id === "" || Status.State === "shutdown" ? [] : [id];
  });
}

/** Waits until the containers have stopped, as long as they may take; those of other nodes are not there. */
async function removeService(docker: Docker, id: string, inputs: ServiceInputs): Promise<void> {
  const grace = inputs.taskSpec.containerSpec.stopGracePeriod;
  const waits = grace !== undefined && parseDuration(grace) > 0;
  const containers = waits ? await containersOf(docker, inputs.name) : [];
  await docker
    .getService(id)
    .remove()
    .catch((error: unknown) => {
      if (!isMissing(error)) throw error;
    });
  for (const container of containers)
    await poll(
      () =>
        docker
          .getContainer(container)
          .inspect()
          .then(
            () => undefined,
            (error: unknown) => isMissing(error) || undefined,
          ),
      { seconds: parseDuration(grace ?? "0s") / 1e9, everySeconds: 0.2 },
    );
}

/**
 * Stands in for docker:index/service:Service. Like the official provider, it is done as soon as Swarm has taken the service, without
 * waiting for its tasks; it asks no registry for the digest of the image.
 */
export function serviceResource(docker: () => Docker): Resource {
  async function inspect(id: string): Promise<ServiceInspection | undefined> {
    const found = docker().getService(id).inspect() as Promise<ServiceInspection>;
    return unlessMissing("Error inspecting service", found);
  }
  async function stateOf(id: string, given: Properties): Promise<Properties | undefined> {
    const found = await inspect(id);
    return found && { ...given, ...serviceState(found) };
  }
  return {
    inputs: Object.keys(SERVICE),
    outputs: [],

    check: (inputs, operation) => checkNamed(inputs, SERVICE, "Service", operation),

    diff: (_oldInputs, oldOutputs, inputs) => ({
      changes: compareToState(oldOutputs, inputs, SERVICE),
      deleteBeforeReplace: keepsGivenName(oldOutputs, inputs),
    }),

    planCreate: (inputs) => ({ endpointSpec: UNKNOWN, labels: UNKNOWN, mode: UNKNOWN, ...visible(inputs) }),

    planUpdate: (_oldInputs, oldOutputs, inputs) => updatedState(oldOutputs, inputs, SERVICE),

    create: async (properties, { signal }) => {
      const body = serviceBody(properties as unknown as ServiceInputs);
      const created = docker().createService(body as Docker.CreateServiceOptions);
      const { id } = await unlessAborted(attempt("Unable to create service", created), signal);
      return { id, outputs: (await stateOf(id, visible(properties))) ?? visible(properties) };
    },

    read: async (id, outputs, inputs) => {
      const state = await stateOf(id, outputs);
      return state && { outputs: state, inputs: refreshedInputs(inputs, state, SERVICE) };
    },

    update: async (id, _oldInputs, oldOutputs, properties, { signal }) => {
      const found = await inspect(id);
      if (found === undefined) throw new Error(`service ${id} not found`);
      const update = docker()
        .getService(id)
        .update({
          _query: { version: found.Version.Index },
          _body: serviceBody(properties as unknown as ServiceInputs),
        });
      await unlessAborted(attempt("Unable to update service", update), signal);
      const outputs = updatedState(oldOutputs, properties, SERVICE);
      return (await stateOf(id, outputs)) ?? outputs;
    },

    delete: async (id, outputs, { signal }) => {
      const removal = removeService(docker(), id, outputs as unknown as ServiceInputs);
      await unlessAborted(attempt(`Error deleting service with ID '${id}'`, removal), signal);
    },
  };
}
