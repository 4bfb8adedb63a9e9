/**
 * Writes schema.json, by which programs in other languages know the components: `npm run schema`. Pulumi's own analyser reads
 * the types; what it leaves out is added here: defaults, secrets, whole numbers, and comments of types.
 */
import { writeFileSync } from "node:fs";
import path from "node:path";
import { Analyzer } from "@pulumi/pulumi/provider/experimental/analyzer";
import { generateSchema } from "@pulumi/pulumi/provider/experimental/schema";
import * as published from "../components";
import packageJson from "../package.json";
import { type Argument, type Effect, components } from "./argument-effects";
import { documented, documentedType } from "./doc-comments";

export const packageSchemaFile = path.join(__dirname, "schema.json");

interface Property {
  readonly type?: string;
  readonly description?: string;
  readonly optional?: boolean;
}
type Properties = Readonly<Record<string, Property>>;
interface Type {
  readonly properties?: Properties;
  readonly enum?: readonly { readonly value: string }[];
}
interface Resource {
  readonly description: string;
  readonly inputProperties: Properties;
  readonly properties: Properties;
}

/** Outputs that hold a password; test/unit/components/package-schema.test.ts looks for others. */
const secretOutputs = ["PostgisContainer.uri"];

/** Numbers that are fractions, or that 32 bits cannot hold, which is what a whole number has in C# and Java. */
const notWhole = [
  "maxOrphans",
  "minSizeRatio",
  "rows",
  "seconds",
  "sizeBytes",
  "splitTablesFrom",
  "startTimeout",
  "uploadLimit",
];

/** Effects of arguments for which a default that is given is not the same as none: triggers, and the limit of a container. */
const otherwiseThanNone: readonly Effect[] = [
  "newBackup",
  "newRestore",
  "newMigration",
  "portAgain",
  "limit",
];

/** An SDK passes a default as if it was given, and a bucket refuses what does not go with its other arguments. */
const takesDefaults = (component: string) => component !== "BackupBucket";

export function packageSchema(): string {
  const names = Object.keys(components);
  const manifest = { ...packageJson, main: "components/index.ts" };
  const analyzer = new Analyzer(path.join(__dirname, ".."), packageJson.name, manifest, new Set(names));
  const analyzed = analyzer.analyze();
  const { resources, types, ...schema } = generateSchema(
    packageJson.name,
    packageJson.version,
    packageJson.description,
    analyzed.components,
    analyzed.typeDefinitions,
    analyzed.dependencies,
  );
  const complete = {
    ...schema,
    displayName: "PostGIS Backup",
    keywords: ["kind/component", "category/database", ...packageJson.keywords],
    license: packageJson.license,
    resources: mapValues(resources as unknown as Record<string, Resource>, completeResource),
    types: mapValues(types as unknown as Record<string, Type>, completeType),
  };
  return `${JSON.stringify(withoutSuffixes(complete), null, 2)}\n`;
}

/**
 * Types without the suffix Args, which each SDK adds itself. What a component takes and what another one gives is then one type:
 * that of the arguments stays, because less is required in it.
 */
function withoutSuffixes(schema: { readonly types: Readonly<Record<string, object>> }): object {
  const types = Object.entries(schema.types).toSorted(([a], [b]) => Number(isArgs(a)) - Number(isArgs(b)));
  const renamed = Object.fromEntries(types.map(([token, type]) => [token.replace(/Args$/, ""), type]));
  const json = JSON.stringify({ ...schema, types: renamed });
  return JSON.parse(json.replaceAll(/("#\/types\/[^"]*)Args"/g, '$1"')) as object;
}

const isArgs = (token: string) => token.endsWith("Args");

/** Each value with the last part of its token, `TableBackup` of `postgis-backup:index:TableBackup`. */
const mapValues = <T, U>(record: Record<string, T>, change: (value: T, name: string) => U) =>
  Object.fromEntries(
    Object.entries(record).map(([token, value]) => [token, change(value, token.split(":").at(-1) ?? "")]),
  );

function completeResource(resource: Resource, component: string): object {
  const args = new Map(documented(`${component}Args`).map((argument) => [argument.name, argument]));
  const table: Readonly<Record<string, Argument>> = components[component as keyof typeof components];
  const { argumentNames } = published[component as keyof typeof components];
  return {
    ...resource,
    description: paragraphs(resource.description),
    inputProperties: mapValues(resource.inputProperties as Record<string, Property>, (property, name) => {
      const effect = table[name]?.effect;
      const byDefault = args.get(name)?.byDefault;
      const value = literal(byDefault);
      const asValue =
        value !== undefined &&
        takesDefaults(component) &&
        effect !== undefined &&
        !otherwiseThanNone.includes(effect);
      return {
        ...completeProperty(property, name, byDefault),
        ...(asValue ? { default: value } : {}),
        ...(isSecret(argumentNames[name as never]) ? { secret: true } : {}),
      };
    }),
    properties: mapValues(resource.properties as Record<string, Property>, (property, name) => ({
      ...completeProperty(property, name),
      ...(secretOutputs.includes(`${component}.${name}`) ? { secret: true } : {}),
    })),
  };
}

const isSecret = (kind: string) => kind === "secret" || kind === "secretObject";

function completeType({ properties, enum: values, ...type }: Type, name: string): object {
  const described = { ...type, description: documentedType(name) };
  if (values !== undefined) {
    // The analyser lists them in an order that a change elsewhere can change.
    const order: string[] = Object.values(published[name as "ArchiveFormat"]);
    return { ...described, enum: values.toSorted((a, b) => order.indexOf(a.value) - order.indexOf(b.value)) };
  }
  const members = new Map(documented(name).map((member) => [member.name, member]));
  return {
    ...described,
    properties: mapValues(properties as Record<string, Property>, (property, member) =>
      completeProperty(property, member, members.get(member)?.byDefault),
    ),
  };
}

/** `optional` is the analyser's own: schemas have lists of what is required. */
function completeProperty({ optional, ...property }: Property, name: string, byDefault?: string): object {
  const said = optional === true && byDefault ? ` Default: ${inWords(byDefault)}.` : "";
  return {
    ...property,
    ...(property.type === "number" && !notWhole.includes(name) ? { type: "integer" } : {}),
    description: `${paragraphs(property.description ?? "")}${said}`,
  };
}

/** Comments are wrapped in the source; pages wrap them anew. */
const paragraphs = (text: string) => text.trim().replaceAll(/(?<!\n)\n(?!\n)/g, " ");

const inWords = (byDefault: string) => byDefault.replaceAll(/"([^"]*)"/g, "`$1`").replaceAll("\\|", "|");

/** The value of a default that is a text, a number or a boolean; undefined for one that needs words. */
function literal(byDefault: string | undefined): unknown {
  return byDefault !== undefined && /^("[^"]*"|[\d.]+|true|false)$/.test(byDefault)
    ? JSON.parse(byDefault)
    : undefined;
}

if (require.main === module) writeFileSync(packageSchemaFile, packageSchema());
