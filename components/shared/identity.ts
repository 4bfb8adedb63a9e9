/**
 * Recognises a database, and a list of triggers, as the same ones in a later update. Nothing here depends on a resource, because
 * a trigger that depends on an output of a replaced container would fire.
 */
import * as pulumi from "@pulumi/pulumi";
import { dataVolume } from "./connection";

/**
 * Identifies the server by its data, so that its container can be renamed: the container's name if the volume is named after it,
 * which is the default, else the volume.
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
 * Triggers that are compared only by their values. Otherwise, if the engine deletes a resource before it creates the replacement, it
 * takes all values that depend on it as changed, even if they are equal.
 */
export function valuesAlone<T>(triggers: pulumi.Input<T>): pulumi.Output<pulumi.Unwrap<T>> {
  const output = pulumi.output(triggers);
  // If a value is unknown, as in a preview, the promise gives an unknown output again.
  const values = (output as unknown as { promise(withUnknowns: true): Promise<unknown> }).promise(true);
  const bare = pulumi
    .isSecret(output)
    .then((secret) => (secret ? pulumi.secret(values) : pulumi.output(values)));
  return pulumi.output(bare) as pulumi.Output<pulumi.Unwrap<T>>;
}
