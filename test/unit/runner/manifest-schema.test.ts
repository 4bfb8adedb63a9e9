import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { schemas } from "../../../schema/generate";

interface Described {
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Described>>;
  readonly items?: Described;
}

describe("the published schemas", () => {
  for (const [file, text] of Object.entries(schemas))
    it(`are those that the code defines: ${path.basename(file)}`, () => {
      assert.equal(readFileSync(file, "utf8"), text, 'run "npm run schema"');
    });

  it("say of each option of the agent what it means", () => {
    const undescribed: string[] = [];
    const look = (schema: Described, within: string) => {
      for (const [key, property] of Object.entries(schema.properties ?? {})) {
        if (property.description === undefined) undescribed.push(`${within}${key}`);
        look(property, `${within}${key}.`);
      }
      if (schema.items !== undefined) look(schema.items, within);
    };
    const agent = Object.entries(schemas).find(([file]) => file.endsWith("agent.schema.json"))?.[1] ?? "{}";
    look(JSON.parse(agent) as Described, "");
    assert.deepEqual(undescribed, []);
  });
});
