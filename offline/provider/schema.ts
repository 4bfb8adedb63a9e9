import type { Provider, Resource } from "./provider";

const ANY = { $ref: "pulumi.json#/Any" };

function properties(names: string[]): Record<string, typeof ANY> {
  return Object.fromEntries(names.map((name) => [name, ANY]));
}

function resourceSchema({ inputs, outputs }: Resource) {
  return { inputProperties: properties(inputs), properties: properties([...inputs, ...outputs]) };
}

/** The covered part of a provider's schema. It has no types, because the SDK has them. */
export function providerSchema({ name, version, moduleFormat, configKeys, resources }: Provider): string {
  const covered = Object.entries(resources).flatMap(([type, resource]) =>
    resource === undefined ? [] : [[type, resourceSchema(resource)] as const],
  );
  return JSON.stringify({
    name,
    version,
    ...(moduleFormat !== undefined && { meta: { moduleFormat } }),
    config: { variables: properties(configKeys) },
    provider: { inputProperties: properties(configKeys) },
    resources: Object.fromEntries(covered),
  });
}
