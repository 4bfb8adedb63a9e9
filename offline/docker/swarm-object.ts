import type { Resource } from "../provider/provider";
import type { Properties } from "../provider/value";
import type { Schema } from "../provider/input";
import { compareToState, refreshedInputs, updatedState, visible } from "../provider/compare";
import { unlessAborted } from "./abort";
import { checkNamed } from "./check";
import { attempt, isMissing, unlessMissing } from "./client";
import { keepsGivenName } from "./volume";

/** What Swarm keeps and never changes: a config or a secret. */
interface SwarmObject {
  readonly kind: string;
  readonly type: string;
  readonly schema: Schema;
  /** Creates it, and gives its id. */
  readonly create: (inputs: Properties) => Promise<string>;
  /** What can be read back; undefined if it is gone. */
  readonly read: (id: string) => Promise<Properties>;
  readonly remove: (id: string) => Promise<unknown>;
}

/** Everything about it replaces it. */
export function swarmObject({ kind, type, schema, create, read, remove }: SwarmObject): Resource {
  const inspect = (id: string) => unlessMissing(`Unable to inspect ${kind}`, read(id));
  return {
    inputs: Object.keys(schema),
    outputs: [],

    check: (inputs, operation) => checkNamed(inputs, schema, type, operation),

    diff: (_oldInputs, oldOutputs, inputs) => ({
      changes: compareToState(oldOutputs, inputs, schema),
      deleteBeforeReplace: keepsGivenName(oldOutputs, inputs),
    }),

    planCreate: visible,

    planUpdate: (_oldInputs, oldOutputs, inputs) => updatedState(oldOutputs, inputs, schema),

    create: async (properties, { signal }) => {
      const id = await unlessAborted(attempt(`Unable to create ${kind}`, create(properties)), signal);
      return { id, outputs: { ...visible(properties), ...(await inspect(id)) } };
    },

    read: async (id, outputs, inputs) => {
      const found = await inspect(id);
      if (found === undefined) return undefined;
      const state = { ...outputs, ...found };
      return { outputs: state, inputs: refreshedInputs(inputs, state, schema) };
    },

    update: (_id, _oldInputs, oldOutputs, inputs) =>
      Promise.resolve(updatedState(oldOutputs, inputs, schema)),

    delete: async (id, _outputs, { signal }) => {
      const removal = remove(id).catch((error: unknown) => {
        if (!isMissing(error)) throw error;
      });
      await unlessAborted(attempt(`Error removing ${kind} ${id}`, removal), signal);
    },
  };
}
