/**
 * By what a database, and a list of triggers, are known as the same ones in a later update. A container that is replaced takes
 * along whatever is triggered by an output of it, so that nothing here depends on a resource.
 */
import * as pulumi from "@pulumi/pulumi";
import { z } from "zod";
import { dataVolume } from "./connection";
import { lastState, parsed } from "./last-state";

interface KnownServer {
  readonly container: string;
  readonly volume?: string;
}

/**
 * The server that has the data, whatever its container is called now: by the container's name where the volume is named after it,
 * as it is by default, else by the volume.
 */
export function serverIdentity(connection: KnownServer): string {
  const volume = volumeOf(connection);
  const suffix = dataVolume("");
  return volume.endsWith(suffix) ? volume.slice(0, -suffix.length) : `volume ${volume}`;
}

/** The volume that has a server's data. */
export const volumeOf = ({ container, volume = dataVolume(container) }: KnownServer) => volume;

const LastRequest = z.object({ volume: z.string().optional() });
const LastSubject = z.object({ container: z.string() });

/**
 * The server by the name that a command's triggers have for it already, as long as its data are in the same volume: to be known by
 * another one would run the command again. Earlier versions knew a server by its container, and kept no volume.
 */
export async function rememberedIdentity(command: string, connection: KnownServer): Promise<string> {
  const last = await lastState(command);
  const request = LastRequest.safeParse(parsed(last?.stdin ?? "")).data;
  const subject = LastSubject.safeParse(last?.triggers[0]).data;
  if (request === undefined || subject === undefined) return serverIdentity(connection);
  const same =
    request.volume === undefined
      ? subject.container === connection.container
      : request.volume === volumeOf(connection);
  return same ? subject.container : serverIdentity(connection);
}

/**
 * Triggers that are compared by their values alone. The engine takes for changed what depends on a resource that it deletes before
 * it makes it anew, even if the new value is the old one.
 */
export function valuesAlone<T>(triggers: pulumi.Input<T>): pulumi.Output<pulumi.Unwrap<T>> {
  const output = pulumi.output(triggers);
  // With unknown values in it, as a preview has them, the promise gives an unknown output again.
  const values = (output as unknown as { promise(withUnknowns: true): Promise<unknown> }).promise(true);
  const bare = pulumi
    .isSecret(output)
    .then((secret) => (secret ? pulumi.secret(values) : pulumi.output(values)));
  return pulumi.output(bare) as pulumi.Output<pulumi.Unwrap<T>>;
}
