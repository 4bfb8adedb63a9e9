import type { Command } from "commander";
import { PresentRequest, referenceOf } from "../request";
import { openRepository } from "../repository/open";
import type { Context } from "./context";
import type { Options } from "./keys";
import { print, readRequest, requestOption } from "./options";

/** For components, which ask before each update. */
export function addPresent(main: Command, { signal }: Context): void {
  main
    .command("present", { hidden: true })
    .description("Says whether a backup is there, and does not look into it.")
    .addOption(requestOption())
    .action(async (options: Options) => {
      const request = await readRequest(PresentRequest, options);
      const { name, backup, ...reference } = referenceOf(request);
      const present = await openRepository({ ...reference, s3: request.s3 }, signal).isTaken(name, backup);
      await print(options, { present }, []);
    });
}
