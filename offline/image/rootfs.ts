import { rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { execa, ExecaError } from "execa";
import { aptOptions, aptSources } from "./apt-sources";
import type { Release } from "./versions";

const hooks = join(__dirname, "hooks");
const excludedPaths = ["man", "doc", "info", "lintian", "linda", "locale"].map(
  (name) => `/usr/share/${name}/*`,
);
/** Leaves out what nobody reads in a container. */
export const withoutPages = excludedPaths.map((path) => `--dpkgopt=path-exclude=${path}`);

/** The arguments that decide what is in the tree, not where it comes from. */
export function treeOptions(release: Release): string[] {
  const { postgres } = release;
  const packages = [
    `postgresql-${postgres}`,
    `postgresql-${postgres}-postgis-3`,
    `postgresql-${postgres}-postgis-3-scripts`,
    "gosu",
    "libnss-wrapper",
    "locales",
    "xz-utils",
    "zstd",
  ];
  return [
    "--variant=essential",
    `--include=${packages.join(",")}`,
    ...withoutPages,
    "--dpkgopt=path-include=/usr/share/locale/locale.alias",
    // Keeps the settings that the hooks wrote before the packages were installed.
    "--dpkgopt=force-confold",
    `--hook-dir=${hooks}`,
  ];
}

/** Writes the root file system of a release to a tar file. */
export function makeRootfs(release: Release, file: string, log: (line: string) => void): Promise<void> {
  return makeTree(release.suite, treeOptions(release), file, log);
}

/** The same with any packages of a Debian release. The file gets its name only when it is complete. */
export async function makeTree(
  suite: string,
  tree: readonly string[],
  file: string,
  log: (line: string) => void,
): Promise<void> {
  const partial = `${file}.${process.pid}.partial`;
  const [sources, options] = await Promise.all([aptSources(suite), aptOptions()]);
  const settings = [...tree, ...options.map((option) => `--aptopt=${option}`)];
  try {
    const running = execa("mmdebstrap", ["--format=tar", ...settings, suite, partial, ...sources], {
      stdin: "ignore",
      stdout: "ignore",
    });
    for await (const line of running.iterable({ from: "stderr" })) {
      if (line.startsWith("I: ")) log(line.slice(3));
    }
    await running;
    await rename(partial, file);
  } catch (error) {
    throw explained(error, suite);
  } finally {
    await rm(partial, { force: true });
  }
}

function explained(error: unknown, suite: string): unknown {
  if (!(error instanceof ExecaError)) return error;
  const { code, stderr }: { code?: string; stderr?: unknown } = error;
  if (code === "ENOENT") {
    return new Error(
      "mmdebstrap is not installed; install the package of that name (apt-get install mmdebstrap)",
    );
  }
  const reasons = String(stderr)
    .split("\n")
    .filter((line) => /^(E|W|Err):|^ {2}/.test(line));
  return new Error([`mmdebstrap could not build Debian ${suite}:`, ...reasons.slice(-10)].join("\n"), {
    cause: error,
  });
}
