import { existsSync } from "node:fs";
import path from "node:path";
import { cache } from "../../setup/paths";
import { removeLeftovers } from "./resources";
import { SecondDaemon } from "./second-daemon";

/** What a killed run left behind is removed first, where there is an engine to ask. */
export const mochaHooks = {
  async beforeAll(this: Mocha.Context): Promise<void> {
    this.timeout(60_000);
    if (existsSync(path.join(cache, "environment.json"))) await removeLeftovers();
    await SecondDaemon.removeLeftovers();
  },
};
