import { execa } from "execa";

export async function removeInContainer(container: string, files: readonly string[]): Promise<void> {
  await execa("docker", ["exec", container, "rm", "-f", ...files]);
}
