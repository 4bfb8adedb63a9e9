/** The verbs of the command line. */
import { Command } from "commander";
import { addBackup } from "./backup";
import { addExport } from "./export";
import { addImport } from "./import";
import { addKeep } from "./keep";
import { addList } from "./list";
import { addMigrate, addRemoveOld } from "./migrate";
import { addPreflight } from "./preflight";
import { addPresent } from "./present";
import { addPrune } from "./prune";
import { addReady } from "./ready";
import { addReport } from "./report";
import { addRestore } from "./restore";
import { addVerify } from "./verify";
import type { Context } from "./context";

/** The build sets it to the version of the package. */
declare const packageVersion: string | undefined;

const version = typeof packageVersion === "string" ? packageVersion : "not built";

/** Help that was asked for goes to `printHelp`; help that is shown because no verb was named, to `printHint`. */
export function program(
  context: Context,
  printHelp: (text: string) => void,
  printHint: (text: string) => void,
): Command {
  const main = new Command("postgis-backup")
    .description("Consistent backups of PostGIS tables that live in a Docker container.")
    .version(version, "--version", "print the version")
    .exitOverride()
    .configureOutput({ writeOut: printHelp, writeErr: printHint, outputError: () => undefined })
    .addHelpText(
      "after",
      "\nA password, where the server asks for one, is taken from the environment variable PGPASSWORD.",
    );
  addBackup(main, context);
  addVerify(main, context);
  addRestore(main, context);
  addMigrate(main, context);
  addRemoveOld(main, context);
  addList(main, context);
  addPresent(main, context);
  addReport(main, context);
  addPrune(main, context);
  addKeep(main, context);
  addExport(main, context);
  addImport(main, context);
  addReady(main, context);
  addPreflight(main, context);
  for (const verb of main.createHelp().visibleCommands(main)) {
    if (verb.name() !== "help") verb.option("--quiet", "show warnings and errors only, no progress");
  }
  return main;
}
