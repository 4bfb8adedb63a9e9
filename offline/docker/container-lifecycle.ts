import type Docker from "dockerode";
import { poll } from "./abort";
import { attempt, isMissing } from "./client";
import { resourceLimits, restartPolicy, containerBody } from "./container-body";
import type { ContainerInputs, NetworkConnection } from "./container-inputs";
import { ensureImage } from "./image";
import { upload } from "./uploads";

const REMOVAL_SECONDS = 60;

export async function createContainer(docker: Docker, inputs: ContainerInputs): Promise<Docker.Container> {
  await ensureImage(docker, inputs.image);
  return attempt("Unable to create container", docker.createContainer(containerBody(inputs)));
}

async function connect(docker: Docker, id: string, networks: NetworkConnection[]): Promise<void> {
  const leave = docker.getNetwork("bridge").disconnect({ Container: id });
  await leave.catch((error: unknown) => {
    if (!String(error).includes("is not connected to")) throw error;
  });
  for (const { name, aliases, ipv4Address, ipv6Address } of networks) {
    const join = docker.getNetwork(name).connect({
      Container: id,
      EndpointConfig: {
        Aliases: aliases ?? [],
        IPAMConfig: { IPv4Address: ipv4Address ?? "", IPv6Address: ipv6Address ?? "" },
      },
    });
    await attempt(`Unable to connect to network '${name}'`, join);
  }
}

/** Polls until the container is healthy. Like the official provider, it does not give up when the container is unhealthy. */
async function waitUntilHealthy(container: Docker.Container, seconds: number): Promise<void> {
  const healthy = await poll(
    async () => {
      const { State } = await attempt("error inspecting container state", container.inspect());
      if (State.Health === undefined) {
        throw new Error(
          "you have supplied a 'wait' argument, but the container does not have a healthcheck defined. " +
            "Please remove the 'wait' argument or add a 'healthcheck' attribute",
        );
      }
      return State.Health.Status === "healthy" ? true : undefined;
    },
    { seconds, everySeconds: 1 },
  );
  if (!healthy) throw new Error("container failed to be in healthy state");
}

/** Everything after the creation of a container: networks, files, start, health. */
export async function initializeContainer(
  docker: Docker,
  container: Docker.Container,
  inputs: ContainerInputs,
): Promise<void> {
  if (inputs.networksAdvanced) await connect(docker, container.id, inputs.networksAdvanced);
  if (inputs.uploads) await upload(container, inputs.uploads);
  if (!inputs.start) return;
  await attempt("Unable to start container", container.start());
  if (inputs.wait) await waitUntilHealthy(container, inputs.waitTimeout);
}

export async function startContainer(container: Docker.Container): Promise<void> {
  await attempt("Unable to start container", container.start()).catch((error: unknown) => {
    // The daemon answers this if the container already runs.
    if (((error as Error).cause as { statusCode?: number }).statusCode !== 304) throw error;
  });
}

export async function updateLimits(container: Docker.Container, inputs: ContainerInputs): Promise<void> {
  const body = { ...resourceLimits(inputs), RestartPolicy: restartPolicy(inputs) };
  await attempt("Unable to update a container", container.update(body));
}

/** Ignores answers that mean success: gone, stopped, or being removed. */
async function tolerate(action: Promise<unknown>, ...answers: string[]): Promise<void> {
  await action.catch((error: unknown) => {
    const code = (error as { statusCode?: number }).statusCode;
    if (code === 304 || isMissing(error) || answers.some((answer) => String(error).includes(answer))) return;
    throw error;
  });
}

/** Stops a container, after its grace period if it has one, then removes it. */
export async function removeContainer(
  container: Docker.Container,
  { destroyGraceSeconds, removeVolumes }: ContainerInputs,
): Promise<void> {
  const { id } = container;
  await attempt(
    `Error stopping container ${id}`,
    tolerate(container.stop({ t: Math.max(0, destroyGraceSeconds ?? 0) })),
  );
  await attempt(
    `Error deleting container ${id}`,
    tolerate(container.remove({ v: removeVolumes, force: true }), "is already in progress"),
  );
  const gone = await poll(
    () =>
      container.inspect().then(
        () => undefined,
        (error: unknown) => isMissing(error) || undefined,
      ),
    { seconds: REMOVAL_SECONDS, everySeconds: 0.1 },
  );
  if (!gone) throw new Error(`Error waiting for container removal '${id}'`);
}
