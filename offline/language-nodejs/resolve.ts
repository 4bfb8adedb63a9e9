import { createRequire } from "node:module";
import { join } from "node:path";

/** Finds the module of the SDK that the program in a folder would load. */
export function resolveSdk(module: string, programDirectory: string, installCommand: string): string {
  try {
    return createRequire(join(programDirectory, "package.json")).resolve(module);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "MODULE_NOT_FOUND") throw error;
    throw new Error(`It looks like the Pulumi SDK has not been installed. Have you run ${installCommand}?`, {
      cause: error,
    });
  }
}
