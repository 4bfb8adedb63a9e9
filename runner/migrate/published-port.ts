/** The port of the host that a server is reached by, which goes from one container to another. */
import type { Inspection, PortBinding } from "../docker/container";
import { Failures, Failure } from "../lib/failure";

/** Every server here listens on it inside its container. */
const inside = "5432/tcp";

/** What is bound now. */
export function boundPorts({ NetworkSettings }: Inspection): readonly PortBinding[] {
  return NetworkSettings.Ports?.[inside] ?? [];
}

function declaredPorts({ HostConfig }: Inspection): readonly PortBinding[] {
  return HostConfig.PortBindings?.[inside] ?? [];
}

/** Fails unless the new container can have each port that the old one has, and does not have it yet. */
export function checkSwitchable(old: Inspection, fresh: Inspection): void {
  const [from, to] = [old, fresh].map(({ Name }) => Name.slice(1));
  const refuse = (message: string) => new Failure("port-not-switchable", message);
  const taken = declaredPorts(fresh).map(inWords);
  const ports = declaredPorts(old);
  Failures.throwIfAny([
    ...(boundPorts(old).length > 0 ? [] : [refuse(`Container "${from}" publishes no port of its server.`)]),
    ...(old.HostConfig.AutoRemove
      ? [
          refuse(
            `Container "${from}" was started with --rm: it would be gone, perhaps with its data, if it were stopped.`,
          ),
        ]
      : []),
    ...ports
      .filter(({ HostPort }) => Number(HostPort) === 0)
      .map(() =>
        refuse(`Docker chose the port of container "${from}", and would choose another one the next time.`),
      ),
    ...ports
      .filter((port) => Number(port.HostPort) > 0 && !taken.includes(inWords(port)))
      .map((port) =>
        refuse(
          `Container "${from}" publishes ${inWords(port)}, and container "${to}" does not: remove it, and make it anew with that address and port.`,
        ),
      ),
    ...(boundPorts(fresh).length === 0
      ? []
      : [
          refuse(
            `Container "${to}" has a published port already, so somebody may be using it. Make it a standby: it has no published ` +
              "port until it takes the old one's.",
          ),
        ]),
  ]);
}

function inWords({ HostIp, HostPort }: PortBinding): string {
  return `${HostIp === "" ? "0.0.0.0" : HostIp}:${HostPort}`;
}
