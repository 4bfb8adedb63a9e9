import type {
  CheckRequest,
  CheckResponse,
  ConfigureRequest,
  DiffRequest,
  DiffResponse,
} from "@pulumi/pulumi/proto/provider_pb";
import { diffProperties } from "./diff";
import type { Provider } from "./provider";
import { checkResponse, diffResponse } from "./responses";
import { fromStruct } from "./value";

/** Refuses configuration that is not covered, so that none is silently ignored. */
export function checkConfig(provider: Provider, request: CheckRequest): CheckResponse {
  const inputs = fromStruct(request.getNews());
  const failures = Object.keys(inputs)
    .filter((key) => key !== "version" && !key.startsWith("__") && !provider.configKeys.includes(key))
    .map((property) => ({
      property,
      reason: `offline ${provider.name} provider does not cover the configuration ${property}`,
    }));
  return checkResponse({ inputs, failures });
}

/** A change of the configuration never replaces resources. */
export function diffConfig(request: DiffRequest): DiffResponse {
  const olds = fromStruct(request.getOldInputs() ?? request.getOlds());
  const changes = diffProperties(olds, fromStruct(request.getNews()), new Set());
  return diffResponse({ changes, deleteBeforeReplace: false });
}

export function configure(provider: Provider, request: ConfigureRequest): void {
  const prefix = `${provider.name}:config:`;
  const config = request
    .getVariablesMap()
    .getEntryList()
    .filter(([key]) => key.startsWith(prefix))
    .map(([key, value]) => [key.slice(prefix.length), value] as const);
  provider.configure(Object.fromEntries(config));
}
