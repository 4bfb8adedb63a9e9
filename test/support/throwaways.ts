import { execa } from "execa";
import { throwawayLabel } from "../../runner/docker/abandoned-throwaways";

/** Names of the throwaway containers, in any state, that the runner started for backups in these folders. */
export async function throwaways(...folders: string[]): Promise<string[]> {
  return (await list(folders)).map(({ name }) => name);
}

/**
 * The same without those that were never started. A runner that is killed after it has created a container, and before it has started
 * it, leaves it to the next run.
 */
export async function startedThrowaways(...folders: string[]): Promise<string[]> {
  return (await list(folders)).filter(({ state }) => state !== "created").map(({ name }) => name);
}

async function list(folders: readonly string[]) {
  const format = `{{.Names}} {{.State}} {{.Label "${throwawayLabel}"}}`;
  const args = ["container", "ls", "--all", "--filter", `label=${throwawayLabel}`, "--format", format];
  const { stdout } = await execa("docker", args);
  return stdout
    .split("\n")
    .filter((line) => folders.some((folder) => line.includes(` ${folder}/`)))
    .map((line) => {
      const [name = "", state = ""] = line.split(" ");
      return { name, state };
    });
}
