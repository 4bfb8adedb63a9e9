/** The image of the agent, as a user builds it, for the tests. */
import path from "node:path";
import { execa } from "execa";
import { buildBaseImages, dockerImage, nodeImage } from "../offline/agent-image/base-images";
import { cache, root } from "./paths";
import { step } from "./step";

export const agentImage = "postgis-backup-test/agent";

/** Built anew when the program has changed. Quick if it has not. */
export async function ensureAgentImage(defaultImage: string): Promise<string> {
  const offline = defaultImage.startsWith("postgis-backup-offline/");
  return step("Building the image of the agent, about a minute the first time", async () => {
    if (offline)
      await buildBaseImages(path.join(cache, "agent-image"), (line) => {
        console.error(`  ${line}`);
      });
    const bases = offline ? { NODE_IMAGE: nodeImage, DOCKER_IMAGE: dockerImage } : {};
    const args = Object.entries(bases).flatMap(([name, image]) => ["--build-arg", `${name}=${image}`]);
    await execa(
      "docker",
      ["build", "--quiet", "--file", "agent/Dockerfile", ...args, "--tag", agentImage, "."],
      {
        cwd: root,
      },
    );
    return agentImage;
  });
}
