/** How this program reaches a daemon: over one ssh connection for all its calls, where the daemon's address is that of an ssh host. */
import { settleAfterAbort } from "../lib/concurrency";
import { Failure } from "../lib/failure";
import { type Docker, directDocker, rememberSocket } from "./docker";
import { parseSshAddress, type SshAddress } from "./ssh-address";

const connected = new Map<string, Promise<Docker>>();

/** A host that refuses a forwarded socket is not asked again for this long, so that the calls of one run do not wait for it again. */
const refusalServes = 60_000;

/** The daemon of a request. Connects once, and again where the connection was lost. */
export async function docker(dockerHost: string | undefined, signal?: AbortSignal): Promise<Docker> {
  const address = dockerHost ?? process.env["DOCKER_HOST"];
  const ssh = address === undefined ? undefined : parseSshAddress(address);
  if (address === undefined || ssh === undefined) return directDocker(dockerHost);
  const connecting = connected.get(address) ?? connect(address, ssh, signal);
  connected.set(address, connecting);
  connecting.catch(() => connected.delete(address));
  return signal === undefined ? connecting : settleAfterAbort(connecting, signal, 0);
}

async function connect(address: string, ssh: SshAddress, signal: AbortSignal | undefined): Promise<Docker> {
  const forward = await forwarding().forwardDocker(ssh, signal);
  signal?.throwIfAborted();
  const forget = () => connected.delete(address);
  if (forward === undefined) {
    setTimeout(forget, refusalServes).unref();
    return directDocker(address);
  }
  rememberSocket(forward.socket, address);
  const lost = new AbortController();
  void forward.ended.then((said) => {
    forget();
    lost.abort(connectionLost(address, said));
  });
  return {
    // What a run undoes after its connection was lost is done by calls that connect by themselves.
    get env() {
      return { DOCKER_HOST: lost.signal.aborted ? address : `unix://${forward.socket}` };
    },
    address,
    lost: lost.signal,
  };
}

/** Loaded only for an ssh address, because it loads a client for HTTP. */
function forwarding() {
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- an import of this module loads it always
  return require("./ssh-forward") as typeof import("./ssh-forward");
}

function connectionLost(address: string, said: string): Failure {
  return new Failure(
    "docker-unreachable",
    `The ssh connection to the Docker daemon at ${address} has ended${said === "" ? "." : `: ${said}`}\n` +
      "See whether the host can be reached, then try again.",
  );
}
