import type { Manifest } from "./manifest";
import { oddPath } from "./plain-paths";

/** Says how a manifest contradicts the backup's name and id, or the files that are there. */
export function findInconsistency(
  manifest: Manifest,
  id: string,
  name: string,
  files: readonly { readonly path: string; readonly bytes: number }[],
): string | undefined {
  if (manifest.id !== id || manifest.name !== name)
    return `its manifest is that of ${manifest.name}/${manifest.id}`;
  const odd = oddPath(manifest.files);
  if (odd !== undefined) return odd;
  const sizes = new Map(files.map(({ path, bytes }) => [path, bytes]));
  for (const file of manifest.files) {
    const bytes = sizes.get(file.path);
    if (bytes === undefined) return `${file.path} is missing`;
    if (bytes !== file.bytes) return `${file.path} has ${bytes} bytes instead of ${file.bytes}`;
  }
  // pg_restore reads the files that its table of contents names, even if the manifest does not list them.
  const listed = new Set(manifest.files.map((file) => file.path));
  const extra = files.find((file) => file.path.startsWith("archive/") && !listed.has(file.path));
  return extra && `${extra.path} is not a file of this backup`;
}
