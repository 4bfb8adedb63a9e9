import type { Command } from "commander";
import { Failure } from "../lib/failure";
import { columns } from "./columns";
import type { Context } from "./context";
import type { Options } from "./keys";
import { agentModule, reportModule } from "./modules";
import { exampleOf, print } from "./options";

export function addAgent(main: Command, { progress, signal }: Context): void {
  exampleOf(main.command("agent"), "--config agent.yaml --check")
    .summary("take backups by schedule until it is stopped")
    .description(
      "Runs the jobs of a configuration file: backups, verifications and restore tests, each by its own schedule. What was missed, because " +
        "the machine was off, is caught up once. SIGHUP reads the file again; SIGTERM ends the agent and what it runs.",
    )
    .option("--config <file>", "file with the jobs (required)")
    .option("--check", "only say what is wrong with the file, or when each job is due next")
    .option("--json", "with --check: print the result as one JSON object")
    .action(async (options: Options) => {
      const { config: file } = options as { config?: string };
      if (file === undefined) throw new Failure("usage", "--config is missing: name the file with the jobs.");
      const { agent, checkAgentConfig, nextRuns, readAgentConfig } = agentModule();
      if (options["check"] === true) {
        const config = await readAgentConfig(file);
        await checkAgentConfig(config, signal);
        const runs = nextRuns(config, new Date());
        const time = (next: Date | undefined) => next?.toISOString() ?? "never";
        const rows = runs.map(({ job, kind, next }) => [job, kind, time(next)]);
        await print(options, { runs }, columns([["JOB", "TASK", "NEXT"], ...rows]), "Nothing was changed.");
        return;
      }
      await agent({
        ...{ file, progress, signal },
        program: process.argv[1] ?? "",
        onReload(reload) {
          // For the other verbs, a hangup is the end.
          process.removeAllListeners("SIGHUP");
          process.on("SIGHUP", reload);
        },
        page: (location, backups) =>
          reportModule().report({ location, backups, retention: {}, now: new Date() }).page,
      });
    });
}
