import { randomBytes } from "node:crypto";
import { mkdir, symlink } from "node:fs/promises";
import path from "node:path";
import { LocalWorkspace, PulumiCommand, type Stack } from "@pulumi/pulumi/automation";
import { root } from "../../setup/paths";
import { environment } from "./environment";
import { removeMigrationRecords } from "./migration-pair";
import { freePort, removeFolder, removeVolume, temporaryFolder, testLabel, uniqueName } from "./resources";

export interface Project {
  readonly folder: string;
  readonly stack: Stack;
  readonly container: string;
  readonly port: number;
}

/** The checkout's own stack program, with what it reads. */
const stackProgram = ["Pulumi.yaml", "index.ts", "examples"];

/** A program of this checkout, with what is installed here. */
export async function createProject(source = root, files = stackProgram): Promise<Project> {
  const folder = await temporaryFolder();
  await Promise.all([
    ...files.map((name) => symlink(path.join(source, name), path.join(folder, name))),
    ...["node_modules", "package.json", "tsconfig.json"].map((name) =>
      symlink(path.join(root, name), path.join(folder, name)),
    ),
  ]);
  return projectIn(folder);
}

/** The program in a folder, with a state of its own, so that it runs beside the user's stack. */
export async function projectIn(folder: string): Promise<Project> {
  const { pulumi, env, image } = await environment;
  await mkdir(path.join(folder, ".state"));
  const built = path.isAbsolute(pulumi)
    ? await PulumiCommand.get({ root: path.dirname(path.dirname(pulumi)) })
    : undefined;
  const stack = await LocalWorkspace.createStack(
    { stackName: "test", workDir: folder },
    {
      ...(built === undefined ? {} : { pulumiCommand: built }),
      envVars: {
        ...env,
        PULUMI_BACKEND_URL: `file://${path.join(folder, ".state")}`,
        PULUMI_CONFIG_PASSPHRASE: randomBytes(8).toString("hex"),
        PULUMI_CONFIG_PASSPHRASE_FILE: "",
      },
    },
  );
  // After each operation it would ask the CLI for its history, which takes half a second, and which no test reads.
  stack.info = () => Promise.resolve(undefined);
  const container = uniqueName();
  const port = await freePort();
  await stack.setAllConfig({
    image: { value: image },
    containerName: { value: container },
    port: { value: String(port) },
    password: { value: randomBytes(12).toString("base64url"), secret: true },
    labels: { value: JSON.stringify({ [testLabel]: String(process.pid) }) },
    environment: { value: JSON.stringify({ CBM_SIGNATURE_ROWS: "51100" }) },
  });
  return { folder, stack, container, port };
}

/** Destroys all but the volume, which the next `up` goes on with, as "make down" does. */
export async function takeDown({ stack }: Project): Promise<void> {
  await stack.destroy({ exclude: ["**docker:index/volume:Volume**"], excludeProtected: true });
}

/** Destroys all that the stack made, and what it left in Docker. */
export async function destroyProject({ stack, container }: Project): Promise<void> {
  await stack.destroy({ excludeProtected: true });
  await removeVolume(`${container}-data`);
  await removeMigrationRecords(`${container}-data`);
}

/** The same, with the folder. */
export async function removeProject(project: Project): Promise<void> {
  await destroyProject(project);
  await removeFolder(project.folder);
}

/** What `up` did, as counts by kind of change, the stack's outputs, and all that the CLI printed. */
export async function up({ stack }: Project) {
  const printed: string[] = [];
  const changes: Record<string, number> = {};
  const { outputs } = await stack.up({
    diff: true,
    onOutput: (text) => printed.push(text),
    onEvent: ({ summaryEvent }) => Object.assign(changes, summaryEvent?.resourceChanges),
  });
  const values = Object.fromEntries(
    Object.entries(outputs).map(([name, { value }]) => [name, value as unknown]),
  );
  return { changes, outputs: values, log: printed.join("") };
}
