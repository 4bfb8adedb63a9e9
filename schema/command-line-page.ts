/** Writes docs/command-line.md from the command line itself: `npm run schema`. */
import { writeFileSync } from "node:fs";
import path from "node:path";
import type { Argument, Command, Option } from "commander";
import { verbsOf } from "../runner/cli/completion";
import { keyOf, variableOf } from "../runner/cli/keys";
import { program } from "../runner/cli/program";
import { isSetting } from "../runner/cli/settings";

export const commandLineFile = path.join(__dirname, "..", "docs", "command-line.md");

const head = `# Command line

\`postgis-backup VERB …\`; \`postgis-backup VERB --help\` says the same as this page, which is written by \`npm run schema\`.

## Where values come from

The command line counts for more than the environment, and that for more than the project's file, option by option: \`--table\` replaces
the file's list, and \`--keep-last\` is added to its other rules. A location (\`./backups/cbm/latest\`) counts for more than \`repository\`
and \`name\` from elsewhere. \`copies\` and \`workDirectory\` belong to the \`repository\` beside them: with another one, they do not count.
An option without a variable and a key below is decided for each run, on the command line alone.

- The environment: lists have commas between their values, switches are \`true\` or \`false\`, an empty variable counts as unset.
- The file \`postgis-backup.yaml\` in the current folder or the nearest one above that has it, or the one that \`--config\` or
  \`POSTGIS_BACKUP_CONFIG\` names. It is used only if it belongs to you or to root, unless it is named. Relative folders are meant from the
  file. A key that is unknown is an error; one that the verb does not have is passed over. Secrets are refused.

\`\`\`yaml
container: pg_spat
repository: ./backups
name: cbm
tables: [dias_catalogue, "roi*_signatures"]
retention:
  keepDaily: 7
  keepWeekly: 4
\`\`\`

With it, \`postgis-backup backup\` is the whole daily command. A password is read from \`PGPASSWORD\` alone.

## Output and exit status

The result goes to standard output, everything else to standard error: warnings, errors and progress, which is a bar on a terminal and
elsewhere a line after 10 seconds and then one a minute; \`--quiet\` leaves warnings and errors. Errors are coloured on a terminal;
\`NO_COLOR\` and \`FORCE_COLOR\` decide otherwise. With \`--json\`, standard output has one JSON object in any case: the result, or
\`{"error": {"code", "message", "failures": [{"code", "message"}, …], "verb", "exitStatus"}}\`, and the error is not told a second time.
The result of \`verify\` has its \`backups\` beside the \`error\`. An \`export\` to standard output writes result and error to standard error.
The codes are in [errors.md](errors.md); \`unexpected\` is a bug of this program.

| status | meaning |
| --- | --- |
| 0 | done |
| 1 | failed |
| 2 | wrong usage |
| 3 | done, with an alarm; only with \`--fail-on-alarm\` |
| 129, 130, 143 | ended by SIGHUP, SIGINT or SIGTERM |

## Completion

\`source <(postgis-backup completion bash)\`, the same with \`zsh\`, or \`postgis-backup completion fish | source\`, in the shell's own file
for its start. Backups in a folder are completed as any other folder; those in a bucket are not, because each key would ask the network.
`;

const cell = (text: string) => text.replaceAll("|", "\\|").replaceAll(/\s+/g, " ").replaceAll("<", "&lt;");
const code = (text: string) => `\`${text}\``;

function inUsage(argument: Argument): string {
  const shown = argument.name().toUpperCase();
  return argument.required ? shown : `[${shown}]`;
}

function optionRow(verb: Command, option: Option): string {
  const name = option.attributeName();
  const from = isSetting(verb, name) && verb.name() !== "remove-old" ? [variableOf(name), keyOf(name)] : [];
  const choices = option.argChoices === undefined ? "" : ` (${option.argChoices.map(code).join(", ")})`;
  return `| ${code(option.flags)} | ${from.map(code).join(", ")} | ${cell(option.description)}${choices} |`;
}

function section(verb: Command): string {
  let help = "";
  verb.configureOutput({ writeOut: (text) => (help += text) }).outputHelp();
  const [, example = ""] = /\nExample:\n {2}(.*)\n/.exec(help) ?? [];
  const args = verb.registeredArguments;
  return [
    `## ${verb.name()}`,
    "",
    verb.description(),
    "",
    "```console",
    `$ ${example}`,
    "```",
    "",
    ...args.map((argument) => `- ${code(inUsage(argument))}: ${argument.description}`),
    ...(args.length === 0 ? [] : [""]),
    ...(verb.options.length === 0
      ? []
      : [
          "| option | from | meaning |",
          "| --- | --- | --- |",
          ...verb.options.map((option) => optionRow(verb, option)),
          "",
        ]),
  ].join("\n");
}

export function commandLinePage(): string {
  const nothing = () => undefined;
  const progress = { note: nothing, follow: () => nothing };
  const main = program({ progress, signal: new AbortController().signal }, nothing, nothing);
  return [head, ...verbsOf(main).map(section)].join("\n");
}

if (require.main === module) writeFileSync(commandLineFile, commandLinePage());
