import type { Command } from "commander";
import { AgentReadyRequest } from "../request";
import type { Context } from "./context";
import type { Options } from "./keys";
import { agentModule } from "./modules";
import { readRequest, requestOption } from "./options";

export function addAgentReady(main: Command, { progress, signal }: Context): void {
  main
    .command("agent-ready", { hidden: true })
    .summary("wait until an agent works")
    .description("Waits until the agent in a container, or those of a Swarm service, are healthy.")
    .addOption(requestOption())
    .action(async (options: Options) => {
      const request = await readRequest(AgentReadyRequest, options);
      await agentModule().agentReady(request, progress, signal);
    });
}
