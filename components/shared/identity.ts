/**
 * By what a database, and a list of triggers, are known as the same ones in a later update. A container that is replaced takes
 * along whatever is triggered by an output of it, so that nothing here depends on a resource.
 */
import * as pulumi from "@pulumi/pulumi";
import { dataVolume } from "./connection";

/**
 * The server that has the data, whatever its container is called now: by the container's name where the volume is named after it,
 * as it is by default, else by the volume.
 */
export function serverIdentity({
  container,
  volume = dataVolume(container),
}: {
  readonly container: string;
  readonly volume?: string;
}): string {
  const suffix = dataVolume("");
  return volume.endsWith(suffix) ? volume.slice(0, -suffix.length) : `volume ${volume}`;
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
