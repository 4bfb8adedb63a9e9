import { randomBytes } from "node:crypto";
import { rm } from "node:fs/promises";
import path from "node:path";
import { createInterface } from "node:readline/promises";
import { execa, type Options } from "execa";
import type { Environment } from "./environment";
import { officialImage } from "./image";
import { ownerLabel } from "../runner/request/preflight";
import { root } from "./paths";
import { SetupError } from "./step";
import { volumesIn } from "./volumes-in-state";

const stack = "dev";

function pulumi<O extends Options>({ pulumi: file, env }: Environment, args: string[], options: O) {
  return execa(file, [...args, "--stack", stack, "--non-interactive"], { cwd: root, env, ...options });
}

/** Shows the output of the CLI as it is. The CLI has then already explained a failure. */
async function visibly(environment: Environment, args: string[]): Promise<void> {
  const { failed } = await pulumi(environment, args, {
    stdio: ["ignore", "inherit", "inherit"],
    reject: false,
  });
  if (failed) throw new SetupError(`"pulumi ${args[0] ?? ""}" failed. The reason is above.`);
}

async function outputs(environment: Environment): Promise<Record<string, string>> {
  const { stdout } = await pulumi(environment, ["stack", "output", "--json"], {});
  return JSON.parse(stdout) as Record<string, string>;
}

async function setting(environment: Environment, key: string): Promise<string | undefined> {
  const { failed, stdout } = await pulumi(environment, ["config", "get", key], { reject: false });
  return failed ? undefined : stdout;
}

async function selectStack({ pulumi: file, env }: Environment): Promise<void> {
  await execa(file, ["stack", "select", "--create", stack, "--non-interactive"], { cwd: root, env });
}

/** Creates the stack if it does not exist, and sets a password, which has no default. */
export async function ensureStack(environment: Environment): Promise<void> {
  await selectStack(environment);
  if ((await setting(environment, "password")) === undefined) {
    const password = randomBytes(24).toString("base64url");
    await pulumi(environment, ["config", "set", "--secret", "password"], { input: password });
  }
  const image = await setting(environment, "image");
  if ((image === undefined || image === officialImage) && environment.image !== officialImage) {
    await pulumi(environment, ["config", "set", "image", environment.image], {});
  }
}

export async function up(environment: Environment): Promise<void> {
  await ensureStack(environment);
  await visibly(environment, ["up", "--yes", "--skip-preview"]);
  const { backupLocation, restoreCommand } = await outputs(environment);
  console.error(
    `\nThe backup is in ${backupLocation ?? ""}\n\nTo restore it into a new database beside the old one, run\n`,
  );
  console.error(`${restoreCommand ?? ""}\n`);
}

export async function down(environment: Environment): Promise<void> {
  await selectStack(environment);
  const { volumeName, backupLocation } = await outputs(environment);
  // The volume stays in the stack with all that it depends on, so that "make up" knows it as its own.
  const kept = ["--exclude", "**docker:index/volume:Volume**", "--exclude-protected"];
  await visibly(environment, ["destroy", "--yes", "--skip-preview", ...kept]);
  console.error(
    `\nThe data stay in Docker volume ${volumeName ?? "(none was created)"}, the backups in ${folderOf(backupLocation)}.`,
  );
  console.error('"make up" continues with them. "make purge" deletes them.');
}

/** Does what `down` does, then deletes the data volume, the backups and the stack. */
export async function purge(environment: Environment): Promise<void> {
  await selectStack(environment);
  const { backupLocation } = await outputs(environment);
  const volumes = await ownVolumes(environment);
  const backups = ownFolder(backupLocation);
  const question = `Delete Docker volume ${volumes.join(", ") || "(none)"}, all backups in ${backups ?? "(none)"}, and stack ${stack}?`;
  if (!(await confirmed(question))) throw new SetupError("Nothing was deleted.");
  await pulumi(environment, ["state", "unprotect", "--all", "--yes"], { reject: false });
  await visibly(environment, ["destroy", "--yes", "--skip-preview"]);
  for (const volume of volumes)
    await execa("docker", ["volume", "rm", "--force", volume], { env: environment.env });
  if (backups !== undefined) await rm(backups, { recursive: true, force: true });
  else if (backupLocation !== undefined)
    console.error(`The backups in ${folderOf(backupLocation)} stay: others may have theirs there too.`);
  await execa(environment.pulumi, ["stack", "rm", stack, "--yes", "--non-interactive"], {
    cwd: root,
    env: environment.env,
  });
}

/** The volumes that belong to the stack. The label on each must match the state: somebody may have replaced a volume. */
async function ownVolumes(environment: Environment): Promise<string[]> {
  const { stdout } = await pulumi(environment, ["stack", "export"], {});
  const own: string[] = [];
  for (const { name, owner } of volumesIn(JSON.parse(stdout))) {
    const format = `{{index .Labels "${ownerLabel}"}}`;
    const label = await execa("docker", ["volume", "inspect", "--format", format, "--", name], {
      env: environment.env,
      reject: false,
    });
    if (!label.failed && label.stdout === owner) own.push(name);
  }
  return own;
}

/** The folder of the backups, if it is in this checkout. Others have their backups elsewhere too. */
function ownFolder(location: string | undefined): string | undefined {
  if (location === undefined || !path.isAbsolute(location)) return undefined;
  const inCheckout = path.relative(root, path.dirname(location));
  return inCheckout.startsWith("..") || inCheckout === "" ? undefined : path.dirname(location);
}

function folderOf(location: string | undefined): string {
  return location === undefined ? "(none was taken)" : path.dirname(location);
}

async function confirmed(question: string): Promise<boolean> {
  if (process.env["YES"] === "1") return true;
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const answer = await terminal.question(`${question} Type yes: `).finally(() => {
    terminal.close();
  });
  return answer.trim() === "yes";
}
