/** Writes the published JSON Schemas of the files that are kept with a backup from their definitions: `npm run schema`. */
import { writeFileSync } from "node:fs";
import path from "node:path";
import { z } from "zod";
import { Manifest } from "../runner/repository/manifest";
import { Verification } from "../runner/repository/verification";

/** The text of each schema, by its file. */
export const schemas: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries({ manifest: Manifest, verification: Verification }).map(([name, schema]) => [
    path.join(__dirname, `${name}.schema.json`),
    `${JSON.stringify(z.toJSONSchema(schema), null, 2)}\n`,
  ]),
);

if (require.main === module) for (const [file, text] of Object.entries(schemas)) writeFileSync(file, text);
