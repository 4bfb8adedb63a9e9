import path from "node:path";
import * as pulumi from "@pulumi/pulumi";

/** `<directory>/<name>/<id>`, as the runner names a backup; the directory can be a bucket, as `s3://bucket/prefix`. */
export function splitLocation(location: pulumi.Input<string>) {
  if (typeof location === "string") return split(location);
  const parts = pulumi.output(location).apply(split);
  return { directory: parts.directory, name: parts.name, backup: parts.backup };
}

/** The argument that the parts of a location come from. */
export const locationArguments = (argument: string) => ({
  directory: argument,
  name: argument,
  backup: argument,
});

function split(location: string) {
  const [, scheme = "", rest = ""] = /^(s3:\/\/)?(.*)$/s.exec(location) ?? [];
  const series = path.dirname(path.normalize(rest));
  return {
    directory: `${scheme}${path.dirname(series)}`,
    name: path.basename(series),
    backup: path.basename(rest),
  };
}
