/** Writes the published JSON Schema of the manifest from its definition: `npm run schema`. */
import { writeFileSync } from "node:fs";
import path from "node:path";
import { z } from "zod";
import { Manifest } from "../runner/repository/manifest";

export const schemaFile = path.join(__dirname, "manifest.schema.json");

export function manifestSchema(): string {
  return `${JSON.stringify(z.toJSONSchema(Manifest), null, 2)}\n`;
}

if (require.main === module) writeFileSync(schemaFile, manifestSchema());
