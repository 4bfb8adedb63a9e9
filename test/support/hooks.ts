import { existsSync } from "node:fs";
import path from "node:path";
import { cache } from "../../setup/paths";
import { removeLeftovers } from "./resources";
import { SecondDaemon } from "./second-daemon";

// The AWS SDK's advice on versions of Node.js would stand in the middle of the report.
process.env["AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED"] = "true";

/** What a killed run left behind is removed first, where there is an engine to ask. */
export const mochaHooks = {
  async beforeAll(this: Mocha.Context): Promise<void> {
    this.timeout(60_000);
    if (existsSync(path.join(cache, "environment.json"))) await removeLeftovers();
    await SecondDaemon.removeLeftovers();
  },
};
