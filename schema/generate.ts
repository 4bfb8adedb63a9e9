/** Writes the published JSON Schemas of configurations, and of the files that are kept with a backup, from their definitions: `npm run schema`. */
import { writeFileSync } from "node:fs";
import path from "node:path";
import { z } from "zod";
import { Manifest } from "../runner/repository/manifest";
import { AgentConfig } from "../runner/request";
import { Verification } from "../runner/repository/verification";
import { documented } from "./doc-comments";

/** Written by people, who leave out what has a default. */
const inputs: ReadonlySet<string> = new Set(["agent"]);

interface JsonSchema {
  description?: string;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly items?: JsonSchema;
}

/** What the agent's options have in common with the arguments of `TableBackup` is described there. */
function describeOptions(schema: JsonSchema): JsonSchema {
  const known = new Map(documented("TableBackupArgs").map((argument) => [argument.name, argument]));
  const describe = ({ properties, items }: JsonSchema, within: string) => {
    for (const [key, property] of Object.entries(properties ?? {})) {
      const name = `${within}${key}`;
      const { meaning, byDefault } = known.get(name) ?? {};
      if (property.description === undefined && meaning !== undefined)
        property.description = `${meaning} Default: ${byDefault}.`;
      describe(property, `${name}.`);
    }
    if (items !== undefined) describe(items, "");
  };
  describe(schema, "");
  return schema;
}

function jsonSchema(name: string, schema: z.ZodType): JsonSchema {
  const made = z.toJSONSchema(schema, { io: inputs.has(name) ? "input" : "output" }) as JsonSchema;
  return inputs.has(name) ? describeOptions(made) : made;
}

/** The text of each schema, by its file. */
export const schemas: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries({ manifest: Manifest, verification: Verification, agent: AgentConfig }).map(
    ([name, schema]) => [
      path.join(__dirname, `${name}.schema.json`),
      `${JSON.stringify(jsonSchema(name, schema), null, 2)}\n`,
    ],
  ),
);

if (require.main === module) for (const [file, text] of Object.entries(schemas)) writeFileSync(file, text);
