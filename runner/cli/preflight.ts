import { type Command, Option } from "commander";
import { preflight } from "../server";
import { PreflightRequest } from "../request";
import type { Context } from "./context";
import type { Options } from "./keys";
import { answersInJson, print, readRequest, requestOption, toNumber } from "./options";

export function addPreflight(main: Command, { progress, signal }: Context): void {
  main
    .command("preflight", { hidden: true })
    .summary("check that a container can be created")
    .description(
      "Checks that a container can be created and its server can start: name, port, network and files, the image, and the " +
        "server's settings by a start of the image without the data. Nothing is changed.",
    )
    .option("--container <name>", "name that the container would get")
    .option("--docker-host <url>", "Docker daemon, as in DOCKER_HOST")
    .option("--owner <label>", "value of the label by which an existing container is known as one's own")
    .option("--host-address <address>", "address of this machine that the port would be published on")
    .option("--port <n>", "port that would be published", toNumber)
    .option("--backup-directory <path>", "folder that would be mounted")
    .option("--image <name>", "image that the container would be made from")
    .option("--volume <name>", "Docker volume that would hold the data")
    .option("--network <name>", "Docker network that the container would join")
    .addOption(new Option("--again", "for a stack that has been up before").hideHelp())
    .addOption(requestOption())
    .action(async (options: Options) => {
      const { again, ...asked } = options;
      const request = await readRequest(PreflightRequest, asked);
      // What the command's last run printed, as the plugin hands it over.
      const last = again === true ? (process.env["PULUMI_COMMAND_STDOUT"] ?? "") : undefined;
      const result = await preflight(request, last, progress, signal);
      if (answersInJson(options)) await print(options, result, []);
    });
}
