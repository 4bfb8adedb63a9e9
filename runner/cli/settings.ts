/**
 * Values of options that the command line does not give: from the environment, then from the project's file. Requests of components
 * never get them.
 */
import { type Command, InvalidArgumentError, type Option } from "commander";
import { Failure } from "../lib/failure";
import { didYouMean } from "../request";
import { type Known, readConfig } from "./config-file";
import { flagOf, keyOf, type Origin, origins, variableOf, variablePrefix } from "./keys";
import { collect } from "./options";

/** What is decided for each run, and what loses something: it must be on the command line, where somebody sees it. */
const ofOneRun: ReadonlySet<string> = new Set([
  ...[
    "request",
    "config",
    "json",
    "quiet",
    "dryRun",
    "full",
    ...["all", "excludeTableData", "excludeSchema", "globals"],
    "release",
    "again",
    "output",
    "agent",
    "check",
    "textfile",
  ],
  ...[
    "dataOnly",
    "schemaOnly",
    "ifExists",
    "missingRoles",
    "createDatabase",
    "schema",
    "connections",
    "tableTriggers",
  ],
  ...["toContainer", "toUser", "toDatabase", "leaveBehind", "excludeDatabase", "removeData"],
]);

/** What a backup is of, and how it is written. A restore and a migration are of everything, unless the command line says otherwise. */
const ofBackups: ReadonlySet<string> = new Set(["table", "excludeTable", "format", "logicalForeignKey"]);

/** Whether an option of a verb may come from the environment and the file. */
export function isSetting(verb: Command, option: string): boolean {
  return !ofOneRun.has(option) && (verb.name() === "backup" || !ofBackups.has(option));
}

/** The settings of all verbs, each once. */
export function settingsOf(verbs: readonly Command[]): string[] {
  const found = verbs.flatMap((verb) =>
    verb.options.map((option) => option.attributeName()).filter((option) => isSetting(verb, option)),
  );
  return [...new Set(found)];
}

interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly folder: string;
  readonly warn: (warning: string) => void;
}

/** Completes the options of a verb that is about to run. */
export async function completeOptions(
  verb: Command,
  verbs: readonly Command[],
  { env, folder, warn }: Surroundings,
): Promise<void> {
  if (!verbs.includes(verb) || verb.getOptionValue("request") !== undefined) return;
  const settings = settingsOf(verbs);
  warnOfUnknown(env, settings, warn);
  const named = (verb.getOptionValue("config") as string | undefined) ?? (env[configVariable] || undefined);
  const file = await readConfig(named, folder, knownKeys(verbs, settings), warn);
  const found = new Map<string, Origin>();
  const complete = (option: Option) => {
    const name = option.attributeName();
    if (verb.getOptionValueSource(name) !== undefined || !isSetting(verb, name)) return;
    const variable = variableOf(name);
    const text = env[variable] ?? "";
    const key = keyOf(name);
    const given =
      text !== ""
        ? { value: fromText(option, text, variable), from: "environment" as const, name: variable }
        : file?.values.has(key) === true
          ? { value: file.values.get(key), from: "file" as const, name: `${key} in ${file.path}` }
          : undefined;
    if (given === undefined || !belongs(name, given.from, verb, found)) return;
    verb.setOptionValue(name, given.value);
    found.set(name, given);
  };
  for (const option of verb.options) complete(option);
  verb.setOptionValue(origins as unknown as string, found);
}

export const configVariable = `${variablePrefix}CONFIG`;

function warnOfUnknown(
  env: Surroundings["env"],
  settings: readonly string[],
  warn: Surroundings["warn"],
): void {
  const known = [configVariable, ...settings.map(variableOf)];
  for (const name of Object.keys(env)) {
    if (!name.startsWith(variablePrefix) || known.includes(name)) continue;
    warn(`The environment variable ${name} is unknown.${didYouMean(name, known)}`);
  }
}

function knownKeys(verbs: readonly Command[], settings: readonly string[]): Known {
  const all = new Set(verbs.flatMap((verb) => verb.options.map((option) => option.attributeName())));
  const others = [...all].filter((option) => !settings.includes(option));
  return {
    keys: settings.map(keyOf),
    elsewhere: new Map(others.map((option) => [keyOf(option), flagOf(option)])),
  };
}

/** These go with a repository: where another one is named than theirs, they do not count. */
const ofRepository: ReadonlySet<string> = new Set(["copy", "workDirectory"]);

/** A project's backups are of tables, unless the command line asks for the whole database. */
const ofTables: ReadonlySet<string> = new Set(["table", "excludeTable", "missingReferences", "fullEvery"]);

function belongs(
  option: string,
  from: Origin["from"],
  verb: Command,
  found: ReadonlyMap<string, Origin>,
): boolean {
  if (ofTables.has(option) && verb.getOptionValue("all") === true) return false;
  if (!ofRepository.has(option) || verb.getOptionValue("repository") === undefined) return true;
  return found.get("repository")?.from === from;
}

/** Lists are separated by commas; a switch is true or false. */
function fromText(option: Option, text: string, variable: string): unknown {
  if (option.isBoolean()) {
    if (text !== "true" && text !== "false") throw new Failure("usage", `${variable} must be true or false.`);
    return text === "true";
  }
  try {
    if (option.parseArg === collect) return text.split(",").map((one) => one.trim());
    return (option.parseArg as ((value: string) => unknown) | undefined)?.(text) ?? text;
  } catch (error) {
    if (!(error instanceof InvalidArgumentError)) throw error;
    throw new Failure("usage", `${variable}: ${JSON.stringify(text)} is invalid. ${error.message}`);
  }
}
