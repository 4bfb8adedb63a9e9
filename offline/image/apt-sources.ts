import { execa } from "execa";

const keyring = "/usr/share/keyrings/debian-archive-keyring.gpg";
const columns = "$(LABEL) $(REPO_URI)";

/**
 * Lines for mmdebstrap with the package archives that this machine uses.
 * If there are none, mmdebstrap chooses.
 */
export async function aptSources(suite: string): Promise<string[]> {
  const { stdout } = await execa("apt-get", [
    "indextargets",
    "--format",
    columns,
    "Created-By: Packages",
    "Origin: Debian",
  ]);
  return sourceLines(suite, stdout);
}

/** One line for each package archive, from `apt-get indextargets` output with the columns label and address. */
export function sourceLines(suite: string, indexTargets: string): string[] {
  const archives = new Map(indexTargets.split("\n").flatMap(labelAndAddress));
  const main = archives.get("Debian");
  if (main === undefined) return [];
  const security = archives.get("Debian-Security");
  return [
    sourceLine(main, suite),
    sourceLine(main, `${suite}-updates`),
    ...(security === undefined ? [] : [sourceLine(security, `${suite}-security`)]),
  ];
}

function labelAndAddress(line: string): [string, string][] {
  const [label, address] = line.split(" ");
  return label !== undefined && address !== undefined ? [[label, address]] : [];
}

function sourceLine(address: string, suite: string): string {
  return `deb [signed-by=${keyring}] ${address} ${suite} main`;
}

/** This machine's settings to reach archives (proxies, tolerance for a wrong clock), for apt in the new tree. */
export async function aptOptions(): Promise<string[]> {
  const { stdout } = await execa("apt-config", ["dump"]);
  return stdout.split("\n").filter((line) => /^Acquire::(https?::Proxy|Check-)/.test(line));
}
