/** Writes docs/arguments.md from the doc comments of the arguments and the table of their effects: `npm run schema`. */
import { writeFileSync } from "node:fs";
import path from "node:path";
import { type Argument, components, effects } from "./argument-effects";
import { documented } from "./doc-comments";

export const argumentsFile = path.join(__dirname, "..", "docs", "arguments.md");

const head = `# Arguments

What each argument of each component means, and what a change of it does in the next \`pulumi up\`. A wrong value is refused before
anything is changed: a server that runs goes on with its data. Each argument of PostgisContainer, TableBackup and TableRestore is
tried on a real stack by \`test/e2e/arguments-*.test.ts\`; of the others, \`test/unit/components/arguments.test.ts\`
tries that wrong values are refused. \`fullEvery\` is refused for the format of that stack: \`test/unit/components/table-backup.test.ts\`
tries that it takes no new backup. The rows of what is nested in an argument, such as \`s3.region\`, are not tried one by one. The
page is written by \`npm run schema\` from \`schema/argument-effects.ts\` and the comments in \`components/\`.
`;

function section(component: keyof typeof components): string {
  const table: Readonly<Record<string, Argument>> = components[component];
  const rows = documented(`${component}Args`).map(({ name, meaning, byDefault }) => {
    const [argument = "", nested = ""] = name.split(".");
    const effect = table[argument]?.nested?.[nested] ?? table[argument]?.effect;
    if (effect === undefined) throw new Error(`${component}.${name} is not in the table.`);
    return `| \`${name}\` | ${byDefault} | ${effects[effect]} | ${meaning} |`;
  });
  return [
    `## ${component}`,
    "",
    "| argument | default | what a change does | meaning |",
    "| --- | --- | --- | --- |",
    ...rows,
    "",
  ].join("\n");
}

export function argumentsPage(): string {
  const names = Object.keys(components) as (keyof typeof components)[];
  return [head, ...names.map(section)].join("\n");
}

if (require.main === module) writeFileSync(argumentsFile, argumentsPage());
