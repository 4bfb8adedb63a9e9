/** Hashes the files of a folder as the runner does. It is compiled beforehand, so that the time to compile is not measured. */
import { readdirSync } from "node:fs";
import path from "node:path";
import { hashFile } from "../runner/repository/files";

const [folder = ""] = process.argv.slice(2);
for (const file of readdirSync(folder)) void hashFile(path.join(folder, file));
