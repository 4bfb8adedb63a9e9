import type { ProgramInfo } from "@pulumi/pulumi/proto/language_pb";
import { parse } from "shell-quote";
import { fromStruct } from "../provider/value";

/** The runtime options in Pulumi.yaml. */
export interface RuntimeOptions {
  typescript: boolean;
  tsconfig: string | undefined;
  nodeargs: string[];
}

const COVERED = ["typescript", "tsconfig", "nodeargs", "packagemanager"];

/** Splits arguments like a shell, without any expansion. */
export function splitArguments(text: string): string[] {
  return parse(text, (variable) => `$${variable}`).map((entry) => {
    if (typeof entry === "string") return entry;
    throw new Error(`offline language host does not cover ${JSON.stringify(entry)} in nodeargs`);
  });
}

/** Reads the options. A wrong type is an error, and so is an option that is not covered. */
export function parseOptions(options: Record<string, unknown>): RuntimeOptions {
  const { typescript = true, tsconfig, nodeargs = "", packagemanager = "npm" } = options;
  const unknown = Object.keys(options).find((key) => !COVERED.includes(key));
  if (unknown !== undefined) throw new Error(`offline language host does not cover the option ${unknown}`);
  if (typeof typescript !== "boolean") throw new Error("typescript option must be a boolean");
  if (tsconfig !== undefined && typeof tsconfig !== "string") {
    throw new Error("tsconfigpath option must be a string");
  }
  if (typeof nodeargs !== "string") throw new Error("nodeargs option must be a string");
  if (packagemanager !== "npm" && packagemanager !== "auto") {
    throw new Error("offline language host covers npm only; set packagemanager to npm");
  }
  return { typescript, tsconfig, nodeargs: splitArguments(nodeargs) };
}

export function optionsOf(info: ProgramInfo | undefined): RuntimeOptions {
  return parseOptions(fromStruct(info?.getOptions()));
}

/** The variables that the Node.js SDK needs to load the program. */
export function optionsEnvironment({ typescript, tsconfig }: RuntimeOptions): Record<string, string> {
  return {
    ...(typescript && { PULUMI_NODEJS_TYPESCRIPT: "true" }),
    ...(tsconfig !== undefined && tsconfig !== "" && { PULUMI_NODEJS_TSCONFIG_PATH: tsconfig }),
  };
}
