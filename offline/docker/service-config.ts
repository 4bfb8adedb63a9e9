import type Docker from "dockerode";
import type { Resource } from "../provider/provider";
import { labelMap } from "./container-body";
import type { Label } from "./container-inputs";
import { SERVICE_CONFIG } from "./schema";
import { swarmObject } from "./swarm-object";
import { labelList } from "./volume";

interface ConfigInputs {
  name: string;
  data?: string;
  dataRaw?: string;
  labels?: Label[];
}

/** Stands in for docker:index/serviceConfig:ServiceConfig. */
export function serviceConfigResource(docker: () => Docker): Resource {
  const resource = swarmObject({
    kind: "config",
    type: "ServiceConfig",
    schema: SERVICE_CONFIG,
    create: async (properties) => {
      const { name, data, dataRaw, labels } = properties as unknown as ConfigInputs;
      const content = dataRaw === undefined ? (data ?? "") : Buffer.from(dataRaw).toString("base64");
      const body = { Name: name, Data: content, ...(labels && { Labels: labelMap(labels) }) };
      return ((await docker().createConfig(body)) as { id: string }).id;
    },
    read: async (id) => {
      const { Spec } = (await docker().getConfig(id).inspect()) as {
        Spec: { Name: string; Labels?: Record<string, string> };
      };
      return { name: Spec.Name, labels: labelList(Spec.Labels ?? null) };
    },
    remove: (id) => docker().getConfig(id).remove(),
  });
  return {
    ...resource,
    check: (inputs, operation) => {
      const { failures, ...checked } = resource.check(inputs, operation);
      const given = (["data", "dataRaw"] as const).filter((key) => (inputs[key] ?? null) !== null);
      const wrong = { property: "data", reason: "exactly one of data and dataRaw must be given" };
      return { ...checked, failures: given.length === 1 ? failures : [...failures, wrong] };
    },
  };
}
