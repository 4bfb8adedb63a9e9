/** Completion in a shell: its script asks this program for what can follow the words that are there. */
import { Argument, type Command, type Option } from "commander";
import { directDocker, spawnDocker } from "../docker/docker";
import bash from "./completion/bash.sh";
import fish from "./completion/fish.sh";
import zsh from "./completion/zsh.sh";
import { collect } from "./options";
import { processOutput } from "./output";

const scripts: Readonly<Record<string, string>> = { bash, fish, zsh };

/** The verbs that are for people. */
export function verbsOf(main: Command): Command[] {
  return main
    .createHelp()
    .visibleCommands(main)
    .filter((command) => command.name() !== "help");
}

interface Candidate {
  readonly word: string;
  readonly description?: string;
}

/** What can follow; "files" and "containers" are looked up. */
type Candidates = readonly Candidate[] | "files" | "containers";

export function addCompletion(main: Command): void {
  main
    .command("completion")
    .summary("print a script that completes words in a shell")
    .description(
      "Prints a script with which a shell completes verbs, options, choices, files and names of containers.",
    )
    .addArgument(new Argument("<shell>", "the shell").choices(Object.keys(scripts)))
    .addHelpText(
      "after",
      "\nExample:\n  postgis-backup completion bash > /etc/bash_completion.d/postgis-backup",
    )
    .action((shell: string) => processOutput.result(scripts[shell] ?? "", "There was nothing else to do."));
  main
    .command("complete", { hidden: true })
    .description("Prints what can follow some words; the scripts of completion ask for it.")
    .argument("[words...]")
    .action(async (words: string[]) => {
      const lines = linesOf(await looked(candidates(main, words)), words.at(-1) ?? "");
      await processOutput.result(lines.map((line) => `${line}\n`).join(""), "There was nothing else to do.");
    });
}

/** What can follow these words, of which the last is begun, or empty. */
export function candidates(main: Command, words: readonly string[]): Candidates {
  const [name = "", ...after] = words;
  const verbs = verbsOf(main);
  if (after.length === 0) return verbs.map((verb) => ({ word: verb.name(), description: verb.summary() }));
  const verb = verbs.find((one) => one.name() === name);
  if (verb === undefined) return [];
  const [before = "", current = ""] = after.slice(-2).length === 2 ? after.slice(-2) : ["", after.at(-1)];
  const awaiting = verb.options.find((option) => option.long === before && !option.isBoolean());
  if (awaiting !== undefined) return valuesOf(awaiting);
  if (current.startsWith("-"))
    return verb.options
      .filter((option) => option.parseArg === collect || !after.slice(0, -1).includes(option.long ?? ""))
      .map(({ long, description }) => ({ word: long ?? "", description }));
  const choices = verb.registeredArguments[0]?.argChoices;
  if (choices !== undefined) return choices.map((word) => ({ word }));
  return verb.registeredArguments.length > 0 ? "files" : [];
}

/** Options whose value is a file or a folder. */
const files: ReadonlySet<string> = new Set(["repository", "copy", "workDirectory", "config"]);
const containers: ReadonlySet<string> = new Set(["container", "toContainer"]);

function valuesOf(option: Option): Candidates {
  const name = option.attributeName();
  if (option.argChoices !== undefined) return option.argChoices.map((word) => ({ word }));
  if (containers.has(name)) return "containers";
  return files.has(name) ? "files" : [];
}

async function looked(found: Candidates): Promise<readonly Candidate[]> {
  if (found === "files") return [{ word: ":files" }];
  if (found !== "containers") return found;
  const { stdout } = await spawnDocker(directDocker(undefined), ["ps", "--format", "{{.Names}}"], {
    reject: false,
  });
  return stdout
    .split("\n")
    .filter((word) => word !== "")
    .map((word) => ({ word }));
}

/** One a line, its description behind a tab. A shell looks for files itself. */
function linesOf(found: readonly Candidate[], current: string): string[] {
  return found
    .filter(({ word }) => word === ":files" || word.startsWith(current))
    .map(({ word, description }) => (description === undefined ? word : `${word}\t${description}`));
}
