import { type Command, Option } from "commander";
import { preflight } from "../preflight";
import { PreflightRequest } from "../request";
import { answersInJson, type Options, print, readRequest, requestOption } from "./options";

export function addPreflight(main: Command): void {
  main
    .command("preflight")
    .summary("check that a container can be created")
    .description(
      "Checks that the container's name and port are free and that the backup directory can be written.",
    )
    .option("--container <name>", "name that the container would get")
    .option("--docker-host <url>", "Docker daemon, as in DOCKER_HOST")
    .option("--owner <label>", "value of the label by which an existing container is known as one's own")
    .option("--host-address <address>", "address of this machine that the port would be published on")
    .option("--port <n>", "port that would be published", Number)
    .option("--backup-directory <path>", "directory that would be mounted")
    .option("--volume <name>", "Docker volume that would hold the data")
    .addOption(new Option("--again", "for a stack that has been up before").hideHelp())
    .addOption(requestOption())
    .action(async (options: Options) => {
      const { again, ...asked } = options;
      const request = await readRequest(PreflightRequest, asked);
      // What the command's last run printed, as the plugin hands it over.
      const last = again === true ? (process.env["PULUMI_COMMAND_STDOUT"] ?? "") : undefined;
      const result = await preflight(request, last);
      if (answersInJson(options)) print(options, result, []);
    });
}
