/** Writes the table of the stack's settings into docs/settings.md: `npm run schema`. */
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { type Argument, components, effects } from "./argument-effects";
import { documented } from "./doc-comments";
// It has no types of its own.
// eslint-disable-next-line @typescript-eslint/no-require-imports
const { load } = require("js-yaml") as { readonly load: (yaml: string) => unknown };

const root = path.join(__dirname, "..");
const read = (file: string) => readFileSync(path.join(root, file), "utf8");

const settingsFile = path.join(root, "docs", "settings.md");
const begin = "<!-- settings: written by `npm run schema` -->";
const end = "<!-- end of the settings -->";

interface Setting {
  readonly byDefault: string;
  readonly effect: string;
  readonly meaning: string;
}

/** What the program makes of settings beyond, or instead of, the argument of that name. */
const ofTheProgram: Readonly<Record<string, Partial<Setting>>> = {
  password: { byDefault: "random, made by `make up`" },
  dockerHost: { meaning: "Docker daemon for everything in the stack, as in DOCKER_HOST." },
  s3: { effect: "new backup if `endpoint` changes" },
  bucket: {
    byDefault: "none",
    effect: "new backup when the bucket is added; else as for `BackupBucket`",
    meaning: "Arguments of a `BackupBucket` that is made, and that backups are copied to.",
  },
};

/** The settings that become arguments, by the calls of `argumentsOf` in index.ts with the names that they leave out. */
function argumentSettings(program: string): Map<string, Setting> {
  const calls = program.matchAll(/argumentsOf\((\w+)((?:,\s*"\w+")*)/g);
  return new Map(
    [...calls].flatMap(([, component = "", leftOut = ""]) => {
      const table: Readonly<Record<string, Argument>> = components[component as keyof typeof components];
      return documented(`${component}Args`)
        .filter(({ name }) => !name.includes(".") && !leftOut.includes(`"${name}"`))
        .map(({ name, meaning, byDefault }) => {
          const effect = table[name]?.effect;
          if (effect === undefined) throw new Error(`${component}.${name} is not in the table.`);
          return [name, { byDefault: quotedAsCode(byDefault), effect: effects[effect], meaning }] as const;
        });
    }),
  );
}

/** The settings that index.ts asks for by name. */
const namedSettings = (program: string) =>
  [...program.matchAll(/config\.\w+(?:<[^(]*>)?\(\s*"(\w+)"/g)].map(([, name = ""]) => name);

function programDefaults(): Map<string, string> {
  const { config } = load(read("Pulumi.yaml")) as { config: Record<string, { default?: unknown }> };
  return new Map(
    Object.entries(config).flatMap(([name, setting]) =>
      setting.default === undefined ? [] : [[name, [setting.default].flat().map(inCode).join(", ")]],
    ),
  );
}

const inCode = (value: unknown) => `\`${String(value)}\``;
const quotedAsCode = (text: string) => text.replaceAll(/"([^"]*)"/g, "`$1`");
const firstSentence = (text: string) => /^.*?\.(?= |$)/.exec(text)?.[0] ?? text;

function settingsTable(): string {
  const program = read("index.ts");
  const defaults = programDefaults();
  const settings = argumentSettings(program);
  const rows = [...new Set([...settings.keys(), ...namedSettings(program)])].map((name) => {
    const { byDefault, effect, meaning } = { ...settings.get(name), ...ofTheProgram[name] };
    if (byDefault === undefined || effect === undefined || meaning === undefined)
      throw new Error(`index.ts reads the setting ${name}, which is neither an argument nor described here.`);
    return `| \`${name}\` | ${defaults.get(name) ?? byDefault} | ${effect} | ${firstSentence(meaning)} |`;
  });
  return ["| name | default | what a change does | meaning |", "| --- | --- | --- | --- |", ...rows].join(
    "\n",
  );
}

/** docs/settings.md as it is, and as it should be. */
export function settingsPage(): { readonly actual: string; readonly expected: string } {
  const actual = read("docs/settings.md");
  const [before, rest] = actual.split(begin);
  const [, after] = rest?.split(end) ?? [];
  if (before === undefined || after === undefined)
    throw new Error(`docs/settings.md lacks the line ${begin}, or ${end}.`);
  return { actual, expected: [before, begin, "\n\n", settingsTable(), "\n\n", end, after].join("") };
}

if (require.main === module) writeFileSync(settingsFile, settingsPage().expected);
