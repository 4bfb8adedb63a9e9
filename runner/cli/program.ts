/** The verbs of the command line. */
import { Command } from "commander";
import { addAgent } from "./agent";
import { addAgentReady } from "./agent-ready";
import { addBackup } from "./backup";
import { addCompletion, verbsOf } from "./completion";
import { addExport } from "./export";
import { addImport } from "./import";
import { addKeep } from "./keep";
import { addList } from "./list";
import { addMetrics } from "./metrics";
import { addMigrate, addRemoveOld } from "./migrate";
import { addPreflight } from "./preflight";
import { addPresent } from "./present";
import { addPrune } from "./prune";
import { addReady } from "./ready";
import { addReport } from "./report";
import { addRestore } from "./restore";
import { addStatus } from "./status";
import { addVerify } from "./verify";
import { configName } from "./config-file";
import { variableOf } from "./keys";
import { completeOptions } from "./settings";
import type { Context } from "./context";

/** The build sets it to the version of the package. */
declare const packageVersion: string | undefined;

const whereElse = `
An option that is not given is taken from the environment (--s3-endpoint: ${variableOf("s3Endpoint")}), then from
${configName} in this folder or one above. What is decided for each run, such as --dry-run or --if-exists, is not.`;

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
  addStatus(main, context);
  addMetrics(main, context);
  addAgent(main, context);
  addPrune(main, context);
  addKeep(main, context);
  addExport(main, context);
  addImport(main, context);
  addReady(main, context);
  addAgentReady(main, context);
  addPreflight(main, context);
  addCompletion(main);
  const verbs = verbsOf(main).filter((verb) => verb.name() !== "completion");
  for (const verb of verbs) verb.option("--quiet", "show warnings and errors only, no progress");
  // What is removed for good is said in full, and an agent has a file of its own.
  const withSettings = verbs.filter((verb) => !["remove-old", "agent"].includes(verb.name()));
  for (const verb of withSettings) {
    verb
      .option("--config <file>", `file with the settings of the project (default: the nearest ${configName})`)
      .addHelpText("after", whereElse);
  }
  const surroundings = {
    env: process.env,
    folder: process.cwd(),
    warn: (warning: string) => {
      context.progress.note(`warning: ${warning}`);
    },
  };
  main.hook("preAction", (_, verb) => completeOptions(verb, withSettings, surroundings));
  return main;
}
