import { existsSync } from "node:fs";
import path from "node:path";
import { Manifest, manifestFile } from "../manifest";
import { readWhole } from "../checked-content";
import { filesIn } from "./files";

/** The manifest in a backup's folder, or why it cannot be had. */
export async function readManifest(folder: string): Promise<Parsed> {
  const file = path.join(folder, manifestFile);
  let source: string;
  try {
    source = (await readWhole(filesIn(folder).read(manifestFile))).toString();
  } catch (error) {
    if (!existsSync(file)) return { problem: `${manifestFile} is missing` };
    const said = (error as Error).message.replace(`${file} cannot be read: `, "");
    return { problem: `${manifestFile} cannot be read: ${said}` };
  }
  return parseManifest(source);
}

type Parsed = { manifest: Manifest; problem?: undefined } | { manifest?: undefined; problem: string };

/** What a manifest's text says, or why it says nothing. */
export function parseManifest(source: string): Parsed {
  let content: unknown;
  try {
    content = JSON.parse(source);
  } catch {
    return { problem: `${manifestFile} is not JSON` };
  }
  const parsed = Manifest.safeParse(content);
  if (parsed.success) return { manifest: parsed.data };
  const [issue] = parsed.error.issues;
  const where = issue === undefined || issue.path.length === 0 ? "" : `${issue.path.join(".")}: `;
  return { problem: `${manifestFile} is not as it should be: ${where}${issue?.message ?? "unknown"}` };
}
