/** An ssh URL of a Docker daemon, and the ssh command that the docker command line makes of such a URL. */

export interface SshAddress {
  readonly user: string | undefined;
  readonly port: string | undefined;
  /** A name of the ssh configuration, or a host. */
  readonly host: string;
  /** The daemon's socket on that host; unset: the docker command line there knows it. */
  readonly socket: string | undefined;
}

/** Undefined for what is no ssh URL, and for one that the docker command line refuses; its own message is the best. */
export function parseSshAddress(text: string): SshAddress | undefined {
  if (!text.startsWith("ssh://") || !URL.canParse(text)) return undefined;
  const { username, password, hostname, port, pathname, search, hash } = new URL(text);
  if (hostname === "" || password !== "" || search !== "" || hash !== "") return undefined;
  const [user, socket] = [username, pathname].map(decoded);
  if (user === undefined || socket === undefined) return undefined;
  return {
    user: user === "" ? undefined : user,
    port: port === "" ? undefined : port,
    host: hostname.replace(/^\[(.*)\]$/, "$1"),
    socket: /^\/*$/.test(socket) ? undefined : socket,
  };
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

/** The arguments of ssh, as the docker command line has them, with more options. */
export function sshArguments(
  { user, port, host }: SshAddress,
  options: readonly string[],
  command: string,
): string[] {
  return [
    ...["-o", "ConnectTimeout=30", "-T"],
    ...options,
    ...(user === undefined ? [] : ["-l", user]),
    ...(port === undefined ? [] : ["-p", port]),
    ...["--", host, command],
  ];
}

/** Whether ssh takes a path in -L as it is: it expands some characters, and splits at others. */
export function isPlainPath(path: string): boolean {
  // The kernel takes about a hundred bytes.
  return /^\/[\w./@+,=-]+$/.test(path) && Buffer.byteLength(path) <= 100;
}
