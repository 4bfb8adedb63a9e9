/** Writes the published JSON Schemas of configurations, and of the files that are kept with a backup, from their definitions: `npm run schema`. */
import { writeFileSync } from "node:fs";
import path from "node:path";
import { z } from "zod";
import { Manifest } from "../runner/repository/manifest";
import { AgentConfig } from "../runner/request";
import { Verification } from "../runner/repository/verification";

/** Written by people, who leave out what has a default. */
const inputs: ReadonlySet<string> = new Set(["agent"]);

/** The text of each schema, by its file. */
export const schemas: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries({ manifest: Manifest, verification: Verification, agent: AgentConfig }).map(
    ([name, schema]) => [
      path.join(__dirname, `${name}.schema.json`),
      `${JSON.stringify(z.toJSONSchema(schema, { io: inputs.has(name) ? "input" : "output" }), null, 2)}\n`,
    ],
  ),
);

if (require.main === module) for (const [file, text] of Object.entries(schemas)) writeFileSync(file, text);
