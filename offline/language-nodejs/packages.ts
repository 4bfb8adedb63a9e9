import { type Dirent, existsSync, readFileSync, readdirSync, realpathSync, statSync } from "node:fs";
import { basename, join } from "node:path";

/** A plugin that an installed npm package needs. */
export interface RequiredPackage {
  name: string;
  version: string;
  server: string | undefined;
}

interface PackageJson {
  name?: string;
  version?: string;
  pulumi?: {
    resource?: boolean;
    name?: string;
    version?: string;
    server?: string;
    parameterization?: unknown;
    extensionParameterization?: unknown;
  };
}

/**
 * Every package.json inside a node_modules folder, at any depth. Policy packs are skipped: they are separate programs. Each folder is
 * read once and nothing else is asked of the disk, because there are thousands.
 */
function packageFiles(folder: string, inModules: boolean, visited: Set<string>): string[] {
  if (visited.has(folder)) return [];
  visited.add(folder);
  const entries = readdirSync(folder, { withFileTypes: true });
  if (entries.some(({ name }) => name === "PulumiPolicy.yaml")) return [];
  const own = inModules && entries.some(({ name }) => name === "package.json");
  const nested = entries
    .filter(({ name }) => inModules || !name.startsWith("."))
    .flatMap((entry) => {
      const child = folderOf(join(folder, entry.name), entry);
      return child === undefined
        ? []
        : packageFiles(child, inModules || basename(child) === "node_modules", visited);
    });
  return own ? [join(folder, "package.json"), ...nested] : nested;
}

/** The folder that an entry is, or points at. */
function folderOf(path: string, entry: Dirent): string | undefined {
  if (entry.isDirectory()) return path;
  if (!entry.isSymbolicLink()) return undefined;
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ? realpathSync(path) : undefined;
}

/** Returns undefined for a file that is not JSON: some packages have such files for their own tests. */
function readPackage(file: string): PackageJson | undefined {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as PackageJson;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** The plugin that a package needs, if the package is a Pulumi SDK. */
export function requiredPackage(json: PackageJson): RequiredPackage | undefined {
  const { pulumi, name = "" } = json;
  if (pulumi?.resource !== true) return undefined;
  if (pulumi.parameterization !== undefined || pulumi.extensionParameterization !== undefined) {
    throw new Error(`offline language host does not cover the parameterized package ${name}`);
  }
  const plugin = pulumi.name ?? (name.startsWith("@pulumi/") ? name.slice("@pulumi/".length) : undefined);
  const version = pulumi.version ?? json.version;
  // The official host also skips such packages, because they do not say which plugin they need.
  if (plugin === undefined || version === undefined) return undefined;
  return { name: plugin, version: version.startsWith("v") ? version : `v${version}`, server: pulumi.server };
}

/** The plugins of all SDKs installed for the program in a folder. */
export function requiredPackages(programDirectory: string): RequiredPackage[] {
  return packageFiles(realpathSync(programDirectory), false, new Set()).flatMap(
    (file) => requiredPackage(readPackage(file) ?? {}) ?? [],
  );
}

/** The direct dependencies in a program's package.json, with their installed versions. */
export function dependencies(programDirectory: string): { name: string; version: string }[] {
  const read = (file: string): PackageJson & { dependencies?: object; devDependencies?: object } =>
    JSON.parse(readFileSync(file, "utf8")) as PackageJson;
  const own = read(join(programDirectory, "package.json"));
  return Object.keys({ ...own.dependencies, ...own.devDependencies }).map((name) => {
    const file = join(programDirectory, "node_modules", name, "package.json");
    if (!existsSync(file))
      throw new Error(`${name} is not installed; run npm install in ${programDirectory}`);
    return { name, version: read(file).version ?? "" };
  });
}
