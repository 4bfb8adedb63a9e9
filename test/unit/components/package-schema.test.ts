import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import * as pulumi from "@pulumi/pulumi";
import * as published from "../../../components";
import { components } from "../../../schema/argument-effects";
import { packageSchema, packageSchemaFile } from "../../../schema/package-schema";
import { settled, startMocks } from "./mocks";

interface Property {
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly secret?: boolean;
}
type Properties = Readonly<Record<string, Property>>;
interface Schema {
  readonly resources: Record<
    string,
    { readonly description: string; readonly inputProperties: Properties; readonly properties: Properties }
  >;
  readonly types: Record<
    string,
    {
      readonly description?: string;
      readonly properties?: Properties;
      readonly enum?: readonly { readonly name: string; readonly description?: string }[];
    }
  >;
}

const connection = { container: "pg" };
const bucket = "s3://backups/gis";
const job = { name: "cbm", source: connection, tables: ["a"], schedule: "@daily" };
/** The least that each component takes. */
const least: Readonly<Record<keyof typeof components, object>> = {
  PostgisContainer: { password: "p" },
  TableBackup: { connection, tables: ["a"], repository: bucket },
  TableRestore: { connection, location: `${bucket}/cbm/latest` },
  DatabaseBackup: { connection, repository: bucket },
  DatabaseRestore: { connection, location: `${bucket}/gis/latest` },
  Migration: { from: connection, to: { container: "new" }, repository: bucket },
  BackupBucket: {},
  BackupAgent: { image: "agent", repository: bucket, jobs: [job] },
};

function make(name: keyof typeof components, args: object): pulumi.ComponentResource {
  const component = published[name] as new (name: string, args: object) => pulumi.ComponentResource;
  return new component("it", args);
}

describe("schema.json, by which programs in other languages know the components", function () {
  this.timeout(120_000);
  const text = readFileSync(packageSchemaFile, "utf8");
  const { resources, types } = JSON.parse(text) as Schema;
  const names = Object.keys(components) as (keyof typeof components)[];
  const resourceOf = (name: string) => {
    const found = resources[`postgis-backup:index:${name}`];
    assert.ok(found, name);
    return found;
  };

  it("is what Pulumi's analyser and the comments of the code say", () => {
    assert.equal(text, packageSchema(), 'run "npm run schema"');
  });

  it("has every component with every argument", () => {
    assert.deepEqual(Object.keys(resources).length, names.length);
    for (const name of names)
      assert.deepEqual(
        Object.keys(resourceOf(name).inputProperties).sort(),
        Object.keys(components[name]).sort(),
        name,
      );
  });

  it("describes all that it has", () => {
    const undescribed = (properties: Properties, of: string) =>
      Object.entries(properties).flatMap(([name, { description }]) => (description ? [] : [`${of}.${name}`]));
    const missing = [
      ...Object.entries(resources).flatMap(([token, { description, inputProperties, properties }]) => [
        ...(description === "" ? [token] : []),
        ...undescribed(inputProperties, token),
        ...undescribed(properties, token),
      ]),
      ...Object.entries(types).flatMap(([token, { description, properties, enum: values }]) => [
        ...(description ? [] : [token]),
        ...undescribed(properties ?? {}, token),
        ...(values ?? []).flatMap((value) => (value.description ? [] : [`${token}.${value.name}`])),
      ]),
    ];
    assert.deepEqual(missing, []);
  });

  for (const name of names) {
    it(`marks as secret what is secret of ${name}`, async () => {
      await startMocks();
      const { inputProperties, properties } = resourceOf(name);
      const secrets = (all: Properties) => Object.keys(all).filter((property) => all[property]?.secret);
      const kinds: Readonly<Record<string, unknown>> = published[name].argumentNames;
      assert.deepEqual(
        secrets(inputProperties),
        Object.keys(kinds).filter((argument) => /^secret/.test(String(kinds[argument]))),
      );
      const made = make(name, { ...least[name], ...(kinds["password"] ? { password: "p" } : {}) });
      // The results of these mocks fit no component, and their outputs are of no interest here.
      const secret = await Promise.all(
        Object.keys(properties).map(async (output) => {
          const value = (made as unknown as Record<string, unknown>)[output];
          return pulumi.Output.isInstance(value) && (await pulumi.isSecret(value).catch(() => false))
            ? [output]
            : [];
        }),
      );
      assert.deepEqual(secret.flat(), secrets(properties));
    });

    it(`gives defaults of ${name} that declare the same as none`, async () => {
      const defaults = Object.fromEntries(
        Object.entries(resourceOf(name).inputProperties).flatMap(([argument, { default: value }]) =>
          value === undefined ? [] : [[argument, value]],
        ),
      );
      const declaredWith = async (args: object) => {
        const registered = await startMocks();
        make(name, { ...least[name], ...args });
        await settled().catch(() => undefined);
        return registered
          .filter(({ type }) => !type.startsWith("postgis-backup:"))
          .map(({ type, name: child, inputs }) => {
            // A request that says the default is another text, and a change of it runs nothing.
            return { type, child, inputs: { ...inputs, stdin: undefined } };
          });
      };
      const declared = await declaredWith(defaults);
      assert.ok(declared.length > 0);
      assert.deepEqual(declared, await declaredWith({}));
    });

    it(`calls whole only numbers that ${name} takes no fraction for`, async () => {
      await startMocks();
      const whole = Object.entries(resourceOf(name).inputProperties).flatMap(([argument, { type }]) =>
        type === "integer" ? [argument] : [],
      );
      for (const argument of whole)
        assert.throws(() => make(name, { ...least[name], [argument]: 1.5 }), new RegExp(argument), argument);
    });
  }
});
