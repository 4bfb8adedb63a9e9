import type { Command } from "commander";
import { ready } from "../server";
import { ReadyRequest } from "../request";
import type { Context } from "./context";
import type { Options } from "./keys";
import { readRequest, requestOption, serverOptions, toNumber } from "./options";

export function addReady(main: Command, { progress, signal }: Context): void {
  serverOptions(main.command("ready", { hidden: true }))
    .summary("wait until the server in a container answers")
    .description(
      "Waits until the server answers over TCP and has the database; if PGPASSWORD is set, it becomes the user's password.",
    )
    .option("--timeout <seconds>", "how long to wait (default: 600)", toNumber)
    .addOption(requestOption())
    .action(async (options: Options) => {
      await ready(await readRequest(ReadyRequest, options), progress, signal);
    });
}
