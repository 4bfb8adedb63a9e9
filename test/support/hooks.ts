import { existsSync } from "node:fs";
import path from "node:path";
import { cache } from "../../setup/paths";
import { commandsBelow } from "./processes";
import { removeLeftovers } from "./resources";
import { SecondDaemon } from "./second-daemon";
import { TestSwarm } from "./swarm";

// The AWS SDK's advice on versions of Node.js would stand in the middle of the report.
process.env["AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED"] = "true";

/**
 * Removes what killed runs left behind, where there is an engine to ask: once, before all files, whatever the number of
 * jobs. What belongs to processes that still run stays.
 */
export async function mochaGlobalSetup(): Promise<void> {
  if (existsSync(path.join(cache, "environment.json"))) await removeLeftovers();
  await SecondDaemon.removeLeftovers();
  await TestSwarm.removeLeftovers();
}

export const mochaHooks = {
  /** Says what a test that timed out still waits for. */
  async afterEach(this: Mocha.Context): Promise<void> {
    const error = this.currentTest?.err;
    if (error === undefined || !error.message.startsWith("Timeout of ")) return;
    const waiting = await commandsBelow(process.pid);
    error.message = `${error.message.split(".", 1)[0] ?? ""}; still at work: ${waiting.join(" | ")}`;
  },
};
