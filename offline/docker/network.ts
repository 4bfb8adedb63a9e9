import type Docker from "dockerode";
import type { NetworkInspectInfo } from "dockerode";
import { compareToState, refreshedInputs, updatedState, visible } from "../provider/compare";
import type { Resource } from "../provider/provider";
import { UNKNOWN, type Properties } from "../provider/value";
import { poll, unlessAborted } from "./abort";
import { checkNamed } from "./check";
import { attempt, isMissing, unlessMissing } from "./client";
import { labelMap } from "./container-body";
import type { Label } from "./container-inputs";
import { NETWORK } from "./schema";
import { keepsGivenName, labelList } from "./volume";

const REMOVAL_SECONDS = 30;

interface NetworkInputs {
  name: string;
  driver?: string;
  internal?: boolean;
  options?: Record<string, string>;
  labels?: Label[];
}

function networkState(info: NetworkInspectInfo): Properties {
  return {
    name: info.Name,
    driver: info.Driver,
    internal: info.Internal,
    options: info.Options ?? {},
    labels: labelList(info.Labels ?? null),
    scope: info.Scope,
  };
}

async function removeNetwork(network: Docker.Network): Promise<void> {
  const removed = await poll(
    async () => {
      try {
        await network.remove();
        return true;
      } catch (error) {
        if (isMissing(error)) return true;
        if (!String(error).includes("has active endpoints")) throw error;
        return undefined;
      }
    },
    { seconds: REMOVAL_SECONDS, everySeconds: 1 },
  );
  if (!removed) throw new Error(`network ${network.id} still has active endpoints`);
}

/** Stands in for docker:index/network:Network. */
export function networkResource(docker: () => Docker): Resource {
  async function inspect(id: string): Promise<Properties | undefined> {
    const info = await unlessMissing("Unable to inspect network", docker().getNetwork(id).inspect());
    return info && networkState(info);
  }

  return {
    inputs: Object.keys(NETWORK),
    outputs: ["scope"],

    check: (inputs, operation) => checkNamed(inputs, NETWORK, "Network", operation),

    diff: (_oldInputs, oldOutputs, inputs) => ({
      changes: compareToState(oldOutputs, inputs, NETWORK),
      deleteBeforeReplace: keepsGivenName(oldOutputs, inputs),
    }),

    planCreate: (inputs) => ({
      driver: UNKNOWN,
      internal: UNKNOWN,
      options: UNKNOWN,
      ...visible(inputs),
      scope: UNKNOWN,
    }),

    planUpdate: (_oldInputs, oldOutputs, inputs) => updatedState(oldOutputs, inputs, NETWORK),

    create: async (properties, { signal }) => {
      const { name, driver, internal, options, labels } = properties as unknown as NetworkInputs;
      const created = docker().createNetwork({
        Name: name,
        CheckDuplicate: true,
        IPAM: { Driver: "default" },
        ...(driver !== undefined && { Driver: driver }),
        ...(internal !== undefined && { Internal: internal }),
        ...(options && { Options: options }),
        ...(labels && { Labels: labelMap(labels) }),
      });
      const { id } = await unlessAborted(attempt("Unable to create network", created), signal);
      return { id, outputs: (await inspect(id)) ?? visible(properties) };
    },

    read: async (id, _outputs, inputs) => {
      const state = await inspect(id);
      return state && { outputs: state, inputs: refreshedInputs(inputs, state, NETWORK) };
    },

    update: (_id, _oldInputs, oldOutputs, inputs) =>
      Promise.resolve(updatedState(oldOutputs, inputs, NETWORK)),

    delete: async (id, _outputs, { signal }) => {
      const removal = removeNetwork(docker().getNetwork(id));
      await unlessAborted(attempt(`Error removing network ${id}`, removal), signal);
    },
  };
}
