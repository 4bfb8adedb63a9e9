import path from "node:path";
import { quote } from "shell-quote";
import { runnerMain } from "../test/support/runner";
import type { Scene } from "./scene";
import type { Command } from "./way";

/** A command as it could be typed, with plain names for what is called otherwise in each run. */
export function commandLine(
  { file, args }: Command,
  { container, sidecar, folder }: Pick<Scene, "container" | "sidecar" | "folder">,
): string {
  const words =
    args[0] === runnerMain ? ["postgis-backup", ...args.slice(1)] : [path.basename(file), ...args];
  const renamed = words.map((word) =>
    word
      .replaceAll(container, "pg_spat")
      .replaceAll(sidecar, "backup_image")
      .replaceAll(folder, "/srv/bench"),
  );
  // A shell takes these signs as they are.
  return quote(renamed).replaceAll(/\\([=:])/g, "$1");
}
