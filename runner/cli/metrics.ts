import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Command } from "commander";
import { list } from "../prune";
import { openRepository } from "../repository/open";
import { MetricsRequest } from "../request";
import { statusOf } from "../status";
import { writeNewFile } from "../transfer";
import type { Context } from "./context";
import type { Options } from "./keys";
import { agentModule } from "./modules";
import { exampleOf, readRequest, repositoryOptions } from "./options";
import { processOutput } from "./output";

export function addMetrics(main: Command, { signal }: Context): void {
  const command = repositoryOptions(main.command("metrics"), "repository");
  exampleOf(command, "--repository ./backups --textfile /var/lib/node_exporter/postgis_backup.prom")
    .summary("write what Prometheus reads about the backups in a repository")
    .description(
      "Writes the metrics of a repository for node_exporter's textfile collector; the file is complete at any time. The agent serves the " +
        "same, and more, at /metrics.",
    )
    .option("--textfile <file>", 'file to write, which is replaced; "-" is standard output (default: -)')
    .action(async (options: Options) => {
      const { textfile, ...request } = await readRequest(MetricsRequest, options);
      const backups = await list(openRepository(request, signal), request);
      const metrics = agentModule().createMetrics();
      for (const status of statusOf(backups, new Date())) metrics.addStatus(status);
      const text = await metrics.text();
      if (textfile === "-") await processOutput.result(text, "Nothing was changed.");
      else
        await writeNewFile(
          textfile,
          Buffer.byteLength(text),
          (file) => pipeline(Readable.from([text]), file),
          0o644,
        );
    });
}
