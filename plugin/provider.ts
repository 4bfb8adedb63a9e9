/** Serves the components to programs in any Pulumi language, which know them from the schema that `npm run schema` writes. */
import { readFileSync } from "node:fs";
import path from "node:path";
import * as pulumi from "@pulumi/pulumi";
import * as components from "../components";

type Component = new (
  name: string,
  args: pulumi.Inputs,
  opts: pulumi.ComponentResourceOptions,
) => pulumi.ComponentResource;

const constructors = components as unknown as Readonly<Record<string, Component | undefined>>;

interface Schema {
  readonly version: string;
  readonly resources: Readonly<Record<string, { readonly properties: object }>>;
}

/** Seen from the compiled code, the only one that is run. */
const schemaFile = path.join(__dirname, "..", "..", "schema", "schema.json");

function provider(schema: string): pulumi.provider.Provider {
  const { version, resources } = JSON.parse(schema) as Schema;
  return {
    version,
    schema,
    construct: (name, type, inputs, options) => {
      const published = resources[type];
      const component = constructors[type.split(":").at(-1) ?? ""];
      if (published === undefined || component === undefined)
        throw new Error(`postgis-backup has no component ${type}.`);
      const made = new component(name, inputs, options);
      const outputs = made as unknown as pulumi.Inputs;
      const state = Object.keys(published.properties).map((output) => [output, outputs[output] as unknown]);
      return Promise.resolve({ urn: made.urn, state: Object.fromEntries(state) as pulumi.Inputs });
    },
  };
}

void pulumi.provider.main(provider(readFileSync(schemaFile, "utf8")), process.argv.slice(2));
