import { execa } from "execa";
import { throwawayLabel } from "../../runner/docker/abandoned-throwaways";

/** Names of the throwaway containers, in any state, that the runner started for backups in these folders. */
export async function throwaways(...folders: string[]): Promise<string[]> {
  const format = `{{.Names}} {{.Label "${throwawayLabel}"}}`;
  const list = ["container", "ls", "--all", "--filter", `label=${throwawayLabel}`, "--format", format];
  const { stdout } = await execa("docker", list);
  return stdout
    .split("\n")
    .filter((line) => folders.some((folder) => line.includes(` ${folder}/`)))
    .map((line) => line.split(" ")[0] ?? "");
}
