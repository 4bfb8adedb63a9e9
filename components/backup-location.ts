import path from "node:path";
import * as pulumi from "@pulumi/pulumi";

/** `<directory>/<name>/<id>`, as the runner names a backup. */
export function splitLocation(location: pulumi.Input<string>) {
  const parts = pulumi.output(location).apply((folder) => {
    const series = path.dirname(path.normalize(folder));
    return { directory: path.dirname(series), name: path.basename(series), backup: path.basename(folder) };
  });
  return { directory: parts.directory, name: parts.name, backup: parts.backup };
}
