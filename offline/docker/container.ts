import type Docker from "dockerode";
import { canonical, compareToState, refreshedInputs, updatedState, visible } from "../provider/compare";
import { PartialFailure, type Resource } from "../provider/provider";
import { UNKNOWN, type Properties } from "../provider/value";
import { unlessAborted } from "./abort";
import { checkNamed } from "./check";
import { unlessMissing } from "./client";
import { asContainerInputs } from "./container-inputs";
import {
  createContainer,
  initializeContainer,
  removeContainer,
  startContainer,
  updateLimits,
} from "./container-lifecycle";
import { containerState } from "./container-state";
import { CONTAINER } from "./schema";

/** Outputs that only the daemon knows. */
const COMPUTED = ["bridge", "exitCode", "ipcMode", "networkDatas", "platform", "runtime", "containerLogs"];

/** Changes of these inputs are sent to the daemon. Any other change in place is only stored in the state. */
const LIMITS = [
  "restart",
  "maxRetryCount",
  "cpuShares",
  "memory",
  "memoryReservation",
  "cpuSet",
  "memorySwap",
];

function unknownOutputs(inputs: Properties): Properties {
  const computed = Object.entries(CONTAINER).flatMap(([key, input]) => (input.computed ? [key] : []));
  const unset = [...COMPUTED, ...computed].filter((key) => inputs[key] === undefined);
  return Object.fromEntries(unset.map((key) => [key, UNKNOWN]));
}

function limitsChanged(before: Properties, after: Properties): boolean {
  const form = (properties: Properties, key: string): string =>
    JSON.stringify(canonical(properties[key], CONTAINER[key] ?? {}));
  return LIMITS.some((key) => form(before, key) !== form(after, key));
}

/** Stands in for docker:index/container:Container. */
export function containerResource(docker: () => Docker): Resource {
  async function inspect(id: string, outputs: Properties): Promise<Properties | undefined> {
    const info = await unlessMissing("Unable to inspect container", docker().getContainer(id).inspect());
    return info && { ...outputs, ...containerState(info, asContainerInputs(outputs)) };
  }

  return {
    inputs: Object.keys(CONTAINER),
    outputs: COMPUTED,

    check: (inputs, operation) => checkNamed(inputs, CONTAINER, "Container", operation),

    diff: (_oldInputs, oldOutputs, inputs) => ({
      changes: compareToState(oldOutputs, inputs, CONTAINER),
      deleteBeforeReplace: true,
    }),

    planCreate: (inputs) => ({ ...visible(inputs), ...unknownOutputs(inputs) }),

    planUpdate: (_oldInputs, oldOutputs, inputs) => updatedState(oldOutputs, inputs, CONTAINER),

    create: async (properties, { signal }) => {
      const inputs = asContainerInputs(properties);
      const container = await unlessAborted(createContainer(docker(), inputs), signal);
      try {
        await unlessAborted(initializeContainer(docker(), container, inputs), signal);
      } catch (error) {
        throw new PartialFailure((error as Error).message, container.id, visible(properties));
      }
      const outputs = (await inspect(container.id, visible(properties))) ?? visible(properties);
      return { id: container.id, outputs };
    },

    read: async (id, outputs, inputs) => {
      const state = await inspect(id, outputs);
      return state && { outputs: state, inputs: refreshedInputs(inputs, state, CONTAINER) };
    },

    update: async (id, _oldInputs, oldOutputs, properties, { signal }) => {
      const outputs = updatedState(oldOutputs, properties, CONTAINER);
      const inputs = asContainerInputs(properties);
      const container = docker().getContainer(id);
      try {
        if (oldOutputs["mustRun"] === false && inputs.mustRun && inputs.start) {
          await unlessAborted(startContainer(container), signal);
        }
        if (limitsChanged(oldOutputs, properties)) {
          await unlessAborted(updateLimits(container, inputs), signal);
        }
      } catch (error) {
        throw new PartialFailure((error as Error).message, id, outputs);
      }
      return outputs;
    },

    delete: async (id, outputs, { signal }) => {
      await unlessAborted(removeContainer(docker().getContainer(id), asContainerInputs(outputs)), signal);
    },
  };
}
