import { Failure } from "./failure";

interface YamlError {
  readonly reason?: string;
  readonly mark?: { readonly line: number };
}

/** What a YAML text says: texts, numbers, booleans, lists and objects. A failure names the file and the line. */
export function parseYaml(text: string, file: string): unknown {
  const { CORE_SCHEMA, load } = yaml();
  try {
    return load(text, { schema: CORE_SCHEMA });
  } catch (error) {
    const { reason = String(error), mark } = error as YamlError;
    throw new Failure("usage", `${file}${mark === undefined ? "" : `, line ${mark.line + 1}`}: ${reason}.`);
  }
}

/** Loaded only when there is a file. */
function yaml() {
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- an import of this module loads it always
  return require("js-yaml") as {
    readonly CORE_SCHEMA: object;
    readonly load: (text: string, options: { readonly schema: object }) => unknown;
  };
}
