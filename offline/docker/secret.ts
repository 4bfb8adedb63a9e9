import type Docker from "dockerode";
import type { Resource } from "../provider/provider";
import { labelMap } from "./container-body";
import type { Label } from "./container-inputs";
import { SECRET } from "./schema";
import { swarmObject } from "./swarm-object";

interface SecretInputs {
  name: string;
  data: string;
  labels?: Label[];
}

/** Stands in for docker:index/secret:Secret. Docker never gives the data back; the state keeps what was given. */
export function secretResource(docker: () => Docker): Resource {
  return swarmObject({
    kind: "secret",
    type: "Secret",
    schema: SECRET,
    create: async (properties) => {
      const { name, data, labels } = properties as unknown as SecretInputs;
      const body = { Name: name, Data: data, ...(labels && { Labels: labelMap(labels) }) };
      return ((await docker().createSecret(body)) as { id: string }).id;
    },
    read: async (id) => {
      const { Spec } = (await docker().getSecret(id).inspect()) as { Spec: { Name: string } };
      return { name: Spec.Name };
    },
    remove: (id) => docker().getSecret(id).remove(),
  });
}
