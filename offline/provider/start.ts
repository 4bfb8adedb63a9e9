import { ResourceProviderService } from "@pulumi/pulumi/proto/provider_grpc_pb";
import { statusLog } from "../grpc/engine";
import { serve } from "../grpc/serve";
import { Operations } from "./operations";
import type { Provider } from "./provider";
import { providerService } from "./service";

/** Runs a provider plugin. The engine passes its address as the last argument. */
export async function startProvider(provider: Provider): Promise<void> {
  const engineAddress = process.argv.at(-1) ?? "";
  const operations = new Operations(statusLog(engineAddress), provider.defaultTimeoutSeconds);
  await serve(ResourceProviderService, providerService(provider, operations));
}
