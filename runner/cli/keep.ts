import type { Command } from "commander";
import { keep } from "../prune";
import { KeepRequest } from "../request";
import { located } from "./location-argument";
import type { Context } from "./context";
import type { Options } from "./keys";
import { exampleOf, print, readRequest, requestOption, repositoryOptions, objectOptions } from "./options";

export function addKeep(main: Command, { signal }: Context): void {
  exampleOf(objectOptions(repositoryOptions(main.command("keep"))), "./backups/cbm/20261122T081500Z")
    .summary("mark a backup so that it is never pruned")
    .description("Marks a backup so that no retention rule removes it, with an empty file beside its others.")
    .argument("[backup]", 'id of the backup, or "latest"; or its location, REPOSITORY/NAME/ID')
    .option("--release", "take the mark away")
    .option("--json", "print the result as one JSON object")
    .addOption(requestOption())
    .action(async (backup: string | undefined, options: Options) => {
      const request = await readRequest(KeepRequest, located(options, backup));
      const { id, name, location, kept } = await keep(request, signal);
      await print(options, { id, name, location, kept }, [
        kept ? `Backup ${id} is never pruned: ${location}` : `Backup ${id} may be pruned: ${location}`,
      ]);
    });
}
