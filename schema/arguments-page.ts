/** Writes docs/arguments.md from the doc comments of the arguments and the table of their effects: `npm run schema`. */
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import ts from "typescript";
import { type Argument, components, effects } from "./argument-effects";

export const argumentsFile = path.join(__dirname, "..", "docs", "arguments.md");

const sources: Record<keyof typeof components, string> = {
  PostgisContainer: "postgis-container/args.ts",
  TableBackup: "table-backup/args.ts",
  TableRestore: "table-restore/args.ts",
  Migration: "migration/args.ts",
  BackupBucket: "backup-bucket/args.ts",
};

const head = `# Arguments

What each argument of each component means, and what a change of it does in the next \`pulumi up\`. A wrong value is refused before
anything is changed: a server that runs goes on with its data. Each line of PostgisContainer, TableBackup and TableRestore is tried
on a real stack by \`test/e2e/arguments-*.test.ts\`; of Migration and BackupBucket, \`test/unit/components/arguments.test.ts\` tries
that wrong values are refused. The page is written by \`npm run schema\` from \`schema/argument-effects.ts\` and the comments in
\`components/\`.
`;

interface Documented {
  readonly name: string;
  readonly optional: boolean;
  readonly meaning: string;
  readonly byDefault: string;
}

/** The arguments of a component, in the order of its source. */
function documented(component: keyof typeof components): Documented[] {
  const file = path.join(__dirname, "..", "components", sources[component]);
  const source = ts.createSourceFile(file, readFileSync(file, "utf8"), ts.ScriptTarget.Latest, true);
  const found = source.statements.find(
    (statement): statement is ts.InterfaceDeclaration =>
      ts.isInterfaceDeclaration(statement) && statement.name.text === `${component}Args`,
  );
  if (found === undefined) throw new Error(`${file} has no ${component}Args.`);
  return found.members.filter(ts.isPropertySignature).map((member) => {
    const tags = ts.getJSDocTags(member);
    const comment = ts.getJSDocCommentsAndTags(member).filter(ts.isJSDoc);
    return {
      name: member.name.getText(),
      optional: member.questionToken !== undefined,
      meaning: cell(comment.map((doc) => ts.getTextOfJSDocComment(doc.comment) ?? "").join(" ")),
      byDefault: cell(
        ts.getTextOfJSDocComment(tags.find(({ tagName }) => tagName.text === "default")?.comment) ?? "",
      ),
    };
  });
}

/** One line, without what the column about changes says. */
const cell = (text: string) =>
  text
    .replaceAll(/\s+/g, " ")
    .replaceAll(/(?:A change|Another) (?:(?!\. |\.$).)*\.( |$)/g, "")
    .replaceAll("|", "\\|")
    .trim();

function section(component: keyof typeof components): string {
  const table: Readonly<Record<string, Argument>> = components[component];
  const rows = documented(component).map(({ name, optional, meaning, byDefault }) => {
    const effect = table[name]?.effect;
    if (effect === undefined) throw new Error(`${component}.${name} is not in the table.`);
    const unset = optional ? byDefault : "must be given";
    return `| \`${name}\` | ${unset} | ${effects[effect]} | ${meaning} |`;
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
