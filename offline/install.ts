import { randomUUID } from "node:crypto";
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, isAbsolute, join } from "node:path";
import { execa } from "execa";
import { offlineEnvironment } from "./environment";
import { sdkVersion } from "./sdk-version";

interface InstallOptions {
  /** An absolute path. Plugins go into its folder `pulumi-home`. */
  cacheDir: string;
  /** The Pulumi CLI: the path of one built here, or the name of an official one on PATH. */
  pulumi: string;
  log: (message: string) => void;
}

/** Packages whose provider plugins the components use. */
export const providers = ["aws", "command", "docker"];

const LAUNCHER = "#!/bin/sh\nexec node ";

/** The compiled code. The path is the same whether this file runs from there or from the sources. */
function builtEntry(part: string): string {
  const repository =
    basename(dirname(__dirname)) === "dist" ? join(__dirname, "..", "..") : dirname(__dirname);
  return join(repository, "dist", "offline", part, "main.js");
}

/** A program that starts the compiled code, so that a new build takes effect without a new installation. */
function launcher(part: string): string {
  const quoted = builtEntry(part).replaceAll("'", "'\\''");
  return `${LAUNCHER}'${quoted}' "$@"\n`;
}

async function holds(file: string, text: string): Promise<boolean> {
  return (await readFile(file, "utf8").catch(() => undefined)) === text;
}

async function writeProgram(file: string, text: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  // The rename guarantees that a run that starts now finds a complete program.
  const draft = `${file}.${randomUUID()}`;
  await writeFile(draft, text, { mode: 0o755 });
  await rename(draft, file);
}

/** A CLI of an official release has its own language host beside it. That one must stay. */
async function installHost({ pulumi, log }: InstallOptions): Promise<void> {
  if (!isAbsolute(pulumi)) return;
  const host = join(dirname(pulumi), "pulumi-language-nodejs");
  const text = launcher("language-nodejs");
  const present = await readFile(host, "utf8").catch(() => undefined);
  if (present === text || (present !== undefined && !present.startsWith(LAUNCHER))) return;
  log("installing the offline Pulumi language host for Node.js");
  await writeProgram(host, text);
}

async function installProvider(name: string, { cacheDir, pulumi, log }: InstallOptions): Promise<void> {
  const version = sdkVersion(`@pulumi/${name}`);
  const program = `pulumi-resource-${name}`;
  const text = launcher(name);
  const installed = join(cacheDir, "pulumi-home", "plugins", `resource-${name}-v${version}`, program);
  if (await holds(installed, text)) return;

  log(`installing the offline stand-in for the Pulumi plugin ${name} ${version}`);
  const folder = await mkdtemp(join(tmpdir(), "postgis-backup-plugin-"));
  try {
    await writeProgram(join(folder, program), text);
    const archive = join(folder, "plugin.tgz");
    await execa("tar", ["-czf", archive, "-C", folder, program]);
    await execa(pulumi, ["plugin", "install", "resource", name, version, "--file", archive, "--reinstall"], {
      env: offlineEnvironment(cacheDir),
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * Installs stand-ins for the official Pulumi plugins on a machine that cannot download them: the Node.js language
 * host beside the CLI, and the providers in the project's own PULUMI_HOME.
 */
export async function installOffline(options: InstallOptions): Promise<void> {
  await installHost(options);
  for (const provider of providers) await installProvider(provider, options);
}
