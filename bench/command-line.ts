import path from "node:path";
import { quote } from "shell-quote";
import { runnerMain } from "../test/support/runner";
import type { Fixture } from "./fixture";
import type { Command } from "./contender";

/** A command as a user would type it. Names that differ from run to run are replaced by fixed ones. */
export function commandLine(
  { file, args }: Command,
  { container, sidecar, folder }: Pick<Fixture, "container" | "sidecar" | "folder">,
): string {
  const words =
    args[0] === runnerMain ? ["postgis-backup", ...args.slice(1)] : [path.basename(file), ...args];
  const renamed = words.map((word) =>
    word
      .replaceAll(container, "pg_spat")
      .replaceAll(sidecar, "backup_image")
      .replaceAll(folder, "/srv/bench"),
  );
  // A shell needs no quoting for these characters.
  return quote(renamed).replaceAll(/\\([=:])/g, "$1");
}
