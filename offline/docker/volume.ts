import type Docker from "dockerode";
import type { VolumeInspectInfo } from "dockerode";
import { isDefault } from "../provider/check-inputs";
import { compareToState, refreshedInputs, updatedState, visible } from "../provider/compare";
import type { Resource } from "../provider/provider";
import { UNKNOWN, type Properties } from "../provider/value";
import { poll, unlessAborted } from "./abort";
import { checkNamed } from "./check";
import { attempt, isMissing, unlessMissing } from "./client";
import { labelMap } from "./container-body";
import type { Label } from "./container-inputs";
import { VOLUME } from "./schema";

const REMOVAL_SECONDS = 30;

interface VolumeInputs {
  name: string;
  driver?: string;
  driverOpts?: Record<string, string>;
  labels?: Label[];
}

export function labelList(labels: Record<string, string> | null): Properties[] {
  return Object.entries(labels ?? {}).map(([label, value]) => ({ label, value }));
}

function volumeState(info: VolumeInspectInfo): Properties {
  return {
    name: info.Name,
    driver: info.Driver,
    driverOpts: info.Options ?? {},
    labels: labelList(info.Labels),
    mountpoint: info.Mountpoint,
  };
}

/** Whether a replacement would need the name that the old resource still has. */
export function keepsGivenName(state: Properties, inputs: Properties): boolean {
  return !isDefault(inputs, "name") && state["name"] === inputs["name"];
}

async function removeVolume(volume: Docker.Volume): Promise<void> {
  let lastError: unknown;
  const removed = await poll(
    async () => {
      try {
        await volume.remove({ force: true });
        return true;
      } catch (error) {
        if (isMissing(error)) return true;
        if (!String(error).includes("volume is in use")) throw error;
        lastError = error;
        return undefined;
      }
    },
    { seconds: REMOVAL_SECONDS, everySeconds: 1 },
  );
  if (!removed) throw lastError as Error;
}

/** Stands in for docker:index/volume:Volume. */
export function volumeResource(docker: () => Docker): Resource {
  async function inspect(name: string): Promise<Properties | undefined> {
    const info = await unlessMissing("Unable to inspect volume", docker().getVolume(name).inspect());
    return info && volumeState(info);
  }

  return {
    inputs: Object.keys(VOLUME),
    outputs: ["mountpoint"],

    check: (inputs, operation) => checkNamed(inputs, VOLUME, "Volume", operation),

    diff: (_oldInputs, oldOutputs, inputs) => ({
      changes: compareToState(oldOutputs, inputs, VOLUME),
      deleteBeforeReplace: keepsGivenName(oldOutputs, inputs),
    }),

    planCreate: (inputs) => ({ driver: UNKNOWN, ...visible(inputs), mountpoint: UNKNOWN }),

    planUpdate: (_oldInputs, oldOutputs, inputs) => updatedState(oldOutputs, inputs, VOLUME),

    create: async (properties, { signal }) => {
      const { name, driver, driverOpts, labels } = properties as unknown as VolumeInputs;
      // If a volume of this name exists, the daemon returns it with its old labels.
      const created = docker().createVolume({
        Name: name,
        ...(driver !== undefined && { Driver: driver }),
        ...(driverOpts && { DriverOpts: driverOpts }),
        ...(labels && { Labels: labelMap(labels) }),
      });
      await unlessAborted(attempt("Unable to create volume", created), signal);
      return { id: name, outputs: (await inspect(name)) ?? visible(properties) };
    },

    read: async (id, _outputs, inputs) => {
      const state = await inspect(id);
      return state && { outputs: state, inputs: refreshedInputs(inputs, state, VOLUME) };
    },

    update: (_id, _oldInputs, oldOutputs, inputs) =>
      Promise.resolve(updatedState(oldOutputs, inputs, VOLUME)),

    delete: async (id, _outputs, { signal }) => {
      const removal = removeVolume(docker().getVolume(id));
      await unlessAborted(attempt(`Error removing volume ${id}`, removal), signal);
    },
  };
}
