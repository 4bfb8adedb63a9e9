import { randomBytes } from "node:crypto";
import { diffProperties } from "../provider/diff";
import type { Operation, Resource } from "../provider/provider";
import { UNKNOWN, type Properties } from "../provider/value";
import { COMMAND_INPUTS, asCommandInputs, checkCommandInputs, given } from "./inputs";
import { runCommand, type CommandOutput } from "./run";

const REPLACE_KEYS = new Set(["triggers"]);

function outputOf(properties: Properties): CommandOutput {
  const text = (key: string): string => {
    const value = properties[key];
    return typeof value === "string" ? value : "";
  };
  return { stdout: text("stdout"), stderr: text("stderr") };
}

async function runIfGiven(
  command: string | undefined,
  inputs: Properties,
  previous: CommandOutput,
  operation: Operation,
): Promise<CommandOutput> {
  if (command === undefined) return previous;
  return runCommand(command, asCommandInputs(inputs), previous, operation);
}

/** Stands in for command:local:Command. */
export const command: Resource = {
  inputs: COMMAND_INPUTS,
  outputs: ["stdout", "stderr"],

  check: (inputs) => ({ inputs: given(inputs), failures: checkCommandInputs(given(inputs)) }),

  diff: (oldInputs, _oldOutputs, inputs) => ({
    changes: diffProperties(oldInputs, inputs, REPLACE_KEYS),
    deleteBeforeReplace: false,
  }),

  planCreate: (inputs) => ({ ...inputs, stdout: UNKNOWN, stderr: UNKNOWN }),

  planUpdate: (oldInputs, oldOutputs, inputs) => {
    const changed = diffProperties(oldInputs, inputs, REPLACE_KEYS).length > 0;
    const output = changed ? { stdout: UNKNOWN, stderr: UNKNOWN } : outputOf(oldOutputs);
    return { ...inputs, ...output };
  },

  create: async (inputs, operation) => {
    const nothing = { stdout: "", stderr: "" };
    const output = await runIfGiven(asCommandInputs(inputs).create, inputs, nothing, operation);
    const id = `${operation.name}${randomBytes(4).toString("hex")}`;
    return { id, outputs: { ...inputs, ...output } };
  },

  read: (_id, outputs, inputs) => Promise.resolve({ outputs, inputs }),

  update: async (_id, _oldInputs, oldOutputs, inputs, operation) => {
    const { create, update } = asCommandInputs(inputs);
    const output = await runIfGiven(update ?? create, inputs, outputOf(oldOutputs), operation);
    return { ...inputs, ...output };
  },

  delete: async (_id, outputs, operation) => {
    await runIfGiven(asCommandInputs(outputs).delete, outputs, outputOf(outputs), operation);
  },
};
