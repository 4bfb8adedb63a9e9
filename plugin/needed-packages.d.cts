/** What install.cjs uses, for the tests. */
interface LockFile {
  readonly lockfileVersion: number;
  readonly packages: Readonly<Record<string, object>>;
}

interface Project {
  readonly dependencies: Readonly<Record<string, string>>;
}

export function pluginSources(root: string): string[];
export function importedPackages(sources: readonly string[]): string[];
export function reducedProject(
  lockFile: LockFile,
  names: readonly string[],
): { readonly project: Project; readonly lock: LockFile };
