import { existsSync } from "node:fs";
import path from "node:path";
import { Parsed, parseManifest } from "../manifest";
import { readWhole } from "../checksums";
import { filesIn } from "./files";
import { manifestFile } from "../layout";

/** The manifest in a backup's folder, or why it cannot be read. */
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
