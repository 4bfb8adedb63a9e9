/** Reads the doc comments of the components' arguments and types from their source. */
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import ts from "typescript";

interface Documented {
  /** With its path, such as `retention.keepLast`, where it is nested in another one. */
  readonly name: string;
  readonly meaning: string;
  readonly byDefault: string;
}

const root = path.join(__dirname, "..");

const statements = [
  ...readdirSync(path.join(root, "components"), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts"))
    .map((file) => path.join("components", file)),
  "runner/request/choices.ts",
].flatMap((file) => {
  const text = readFileSync(path.join(root, file), "utf8");
  return [...ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true).statements];
});

const interfaces = new Map(
  statements.filter(ts.isInterfaceDeclaration).map((declaration) => [declaration.name.text, declaration]),
);

/** What the comment of an interface says, or of a constant, which is what an enumeration is. */
export function documentedType(name: string): string {
  const found = statements.find((statement) =>
    ts.isVariableStatement(statement)
      ? statement.declarationList.declarations.some((declaration) => declaration.name.getText() === name)
      : ts.isInterfaceDeclaration(statement) && statement.name.text === name,
  );
  return found === undefined ? "" : commentOf(found);
}

/** The arguments of an interface, of those that it extends, and of those nested in it, in the order of the source. */
export function documented(name: string): Documented[] {
  const found = interfaces.get(name);
  if (found === undefined) throw new Error(`components/ has no interface ${name}.`);
  const extended = (found.heritageClauses ?? []).flatMap(({ types }) => types.map((type) => type.getText()));
  return [...extended.flatMap(documented), ...membersOf(found)];
}

function membersOf({ members }: ts.InterfaceDeclaration): Documented[] {
  return members.filter(ts.isPropertySignature).flatMap((member) => {
    const argument = documentedMember(member);
    const nested = nestedInterface(member.type);
    const below = nested === undefined ? [] : documented(nested);
    return [argument, ...below.map((one) => ({ ...one, name: `${argument.name}.${one.name}` }))];
  });
}

function documentedMember(member: ts.PropertySignature): Documented {
  const byDefault = ts.getJSDocTags(member).find(({ tagName }) => tagName.text === "default");
  return {
    name: member.name.getText(),
    meaning: withoutChanges(commentOf(member)),
    byDefault: member.questionToken === undefined ? "must be given" : textOf(byDefault?.comment),
  };
}

function commentOf(node: ts.Node): string {
  const comments = ts.getJSDocCommentsAndTags(node).filter(ts.isJSDoc);
  return comments.map(({ comment }) => textOf(comment)).join(" ");
}

/** The interface that an argument is, or of which it is a `pulumi.Input`. */
function nestedInterface(type: ts.TypeNode | undefined): string | undefined {
  const name = type?.getText().replace(/^pulumi\.Input<(.*)>$/, "$1");
  return name !== undefined && interfaces.has(name) ? name : undefined;
}

/** One line that fits into a cell of a table. */
const textOf = (comment: Parameters<typeof ts.getTextOfJSDocComment>[0]) =>
  (ts.getTextOfJSDocComment(comment) ?? "").replaceAll(/\s+/g, " ").replaceAll("|", "\\|").trim();

/** The pages have a column of their own for what a change does. */
const withoutChanges = (text: string) =>
  text.replaceAll(/(?:A change|Another) (?:(?!\. |\.$).)*\.( |$)/g, "").trim();
