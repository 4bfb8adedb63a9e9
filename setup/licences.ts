/** Writes the licences of the libraries that are bundled into the command line: most ask to be passed on with it. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { z } from "zod";
import { root } from "./paths";

/** What esbuild says that the bundle is made of. */
const Metafile = z.object({
  outputs: z.record(z.string(), z.object({ inputs: z.record(z.string(), z.unknown()) })),
});
const Package = z.object({ name: z.string(), version: z.string(), license: z.string() });

/** The bundles, and what esbuild says of each. */
const bundles = [
  { file: "dist/postgis-backup.js", metafile: "dist/command-line.json" },
  { file: "dist/report.js", metafile: "dist/report.json" },
  // In the image of the agent only.
  { file: "dist/client-s3.js", metafile: "dist/client-s3.json" },
];
const read = (file: string) => readFileSync(path.join(root, file), "utf8");

/** Folders of the packages that files are in, such as `node_modules/zod`. */
function packagesOf(files: readonly string[]): string[] {
  const folders = files.map((file) => /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)?.[0]);
  return [...new Set(folders.filter((folder) => folder !== undefined))].toSorted();
}

function licenceOf(folder: string): string {
  const { name, version, license } = Package.parse(JSON.parse(read(path.join(folder, "package.json"))));
  const file = readdirSync(path.join(root, folder)).find((one) => /^(licen[cs]e|copying)/i.test(one));
  // Some packages name their licence and have no file of it.
  const text = file === undefined ? `Licence: ${license}` : read(path.join(folder, file)).trim();
  return `${name} ${version} (${license})\n\n${text}\n`;
}

function filesIn({ file, metafile }: (typeof bundles)[number]): string[] {
  const inputs = Metafile.parse(JSON.parse(read(metafile))).outputs[file]?.inputs;
  if (inputs === undefined) throw new Error(`${metafile} says nothing of ${file}.`);
  return Object.keys(inputs);
}

const files = bundles.flatMap(filesIn);
const licences = packagesOf(files).map(licenceOf);
writeFileSync(
  path.join(root, "dist", "LICENSES.txt"),
  `The command line contains these libraries.\n\n${licences.join(`\n${"-".repeat(80)}\n\n`)}`,
);
