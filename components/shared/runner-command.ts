import { existsSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import { argumentsChecked } from "./check";

interface RunnerCommandArgs {
  /** Verb of the runner's command line. */
  readonly verb: string;
  /** The runner's request; it becomes JSON on standard input. */
  readonly request: pulumi.Input<object>;
  /** A secret; becomes PGPASSWORD, the only way by which a password reaches the runner. */
  readonly password?: pulumi.Input<string> | undefined;
  /** A change of any of these runs the verb again, as a replacement. */
  readonly triggers: pulumi.Input<pulumi.Input<unknown>[]>;
  /**
   * What a change does that is not a trigger (the password, a retention): runs the verb again, with `--again` for verbs that know it,
   * or keeps the output.
   */
  readonly onUpdate: "run" | "runAgain" | "keep";
}

/** Prints what the last run printed, because an update replaces the output that the stack keeps. */
const keepOutput = 'printf %s "$PULUMI_COMMAND_STDOUT"';

/** A command resource that runs the runner. It has no delete: a backup outlives the resource that took it. */
export function runnerCommand(
  name: string,
  args: RunnerCommandArgs,
  opts: pulumi.CustomResourceOptions,
): command.local.Command {
  // exec, so that a cancelled update ends the runner itself and not only a shell around it.
  const run = `exec node ${runnerPath(runnerFile(), process.cwd(), pulumiHome())} ${args.verb} --request -`;
  return new command.local.Command(
    name,
    {
      create: run,
      update: { run, runAgain: `${run} --again`, keep: keepOutput }[args.onUpdate],
      stdin: pulumi.all([args.request, argumentsChecked()]).apply(([request]) => JSON.stringify(request)),
      environment: args.password === undefined ? {} : { PGPASSWORD: args.password },
      triggers: args.triggers,
      logging: command.local.Logging.Stderr,
    },
    opts,
  );
}

/** Path of the runner, from the sources and from compiled code. It is bundled into one file, which starts in half the time. */
export function runnerFile(): string {
  const candidates = ["../../postgis-backup.js", "../../dist/postgis-backup.js"].map((file) =>
    path.join(__dirname, file),
  );
  const found = candidates.find((file) => existsSync(file));
  if (found === undefined) {
    throw new pulumi.RunError(
      `The runner is not built: there is no ${candidates[1] ?? ""}. Run "npm run build" in postgis-backup.`,
    );
  }
  return found;
}

function pulumiHome(): string {
  return process.env["PULUMI_HOME"] ?? path.join(os.homedir(), ".pulumi");
}

/**
 * The runner's path as a word of a shell command. It is an input of the resource, so it must not differ between
 * machines: relative to the program's folder, where the command runs, or to the home of Pulumi's plugins.
 */
export function runnerPath(file: string, programFolder: string, home: string): string {
  const inHome = path.relative(home, file);
  if (isBelow(inHome)) return `"\${PULUMI_HOME:-$HOME/.pulumi}"/${shellWord(inHome)}`;
  return shellWord(path.relative(programFolder, file));
}

function isBelow(relative: string): boolean {
  return !relative.startsWith("..") && !path.isAbsolute(relative);
}

function shellWord(text: string): string {
  return /^[A-Za-z0-9_./@+-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
