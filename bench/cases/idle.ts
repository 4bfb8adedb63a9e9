/** `pulumi up` with no change, for three programs: an empty one, one without components, and the stack program. */
import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { root } from "../../setup/paths";
import { environment } from "../../test/support/environment";
import { createProject, type Project, removeProject, up } from "../../test/support/stack";
import type { Fixture } from "../fixture";
import type { Command, Group } from "../contender";

export const emptyProgram = "empty program";
export const byHandProgram = "the same resources, declared by hand";
export const stackProgram = "container and backup";

export async function idleGroup({ folder }: Fixture): Promise<Group> {
  const source = path.join(folder, "empty");
  await mkdir(source);
  await writeFile(path.join(source, "Pulumi.yaml"), "name: empty\nruntime: nodejs\nmain: index.ts\n");
  await writeFile(path.join(source, "index.ts"), "export {};\n");
  const files = ["Pulumi.yaml", "index.ts"];
  const projects: Project[] = [];
  const remove = async () => {
    await Promise.all(projects.map(removeProject));
  };
  try {
    projects.push(await createProject(source, files));
    projects.push(await createProject(path.join(root, "bench", "programs", "by-hand"), files));
    projects.push(await createProject());
    for (const project of projects) await up(project);
    const names = [emptyProgram, byHandProgram, stackProgram];
    const commands = await Promise.all(projects.map(upAgain));
    return {
      name: "pulumi up, nothing to do",
      contenders: names.map((name, index) => ({ name, commands: commands.slice(index, index + 1) })),
      remove,
    };
  } catch (error) {
    await remove();
    throw error;
  }
}

async function upAgain({ folder, stack }: Project): Promise<Command> {
  const { pulumi } = await environment;
  return {
    file: pulumi,
    args: ["up", "--yes", "--skip-preview", "--non-interactive", "--stack", stack.name],
    cwd: folder,
    env: stack.workspace.envVars,
  };
}
