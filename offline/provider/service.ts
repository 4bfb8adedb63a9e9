import type { UntypedServiceImplementation } from "@grpc/grpc-js";
import { Empty } from "google-protobuf/google/protobuf/empty_pb";
import { PluginInfo } from "@pulumi/pulumi/proto/plugin_pb";
import {
  ConfigureResponse,
  CreateResponse,
  GetSchemaResponse,
  ProviderHandshakeResponse,
  ReadResponse,
  UpdateResponse,
  type CheckRequest,
  type ConfigureRequest,
  type CreateRequest,
  type DeleteRequest,
  type DiffRequest,
  type InvokeRequest,
  type ReadRequest,
  type UpdateRequest,
} from "@pulumi/pulumi/proto/provider_pb";
import { unary } from "../grpc/unary";
import { checkConfig, configure, diffConfig } from "./configuration";
import { toFailure } from "./failure";
import type { Operations } from "./operations";
import type { Change, Provider, Resource } from "./provider";
import { checkResponse, diffResponse } from "./responses";
import { providerSchema } from "./schema";
import { containsUnknown, fromStruct, toStruct } from "./value";

/** The type in a URN, `urn:pulumi:stack::project::parent$type::name`. */
export function typeOf(urn: string): string {
  return urn.split("::")[2]?.split("$").at(-1) ?? "";
}

function resourceOf(provider: Provider, urn: string): Resource {
  const type = typeOf(urn);
  const resource = provider.resources[type];
  if (resource === undefined) {
    throw new Error(`offline ${provider.name} provider does not cover ${type}`);
  }
  return resource;
}

function check(provider: Provider, request: CheckRequest) {
  const olds = fromStruct(request.getOlds());
  const result = resourceOf(provider, request.getUrn()).check(fromStruct(request.getNews()), {
    name: request.getName(),
    oldInputs: Object.keys(olds).length === 0 ? undefined : olds,
    randomSeed: request.getRandomseed_asU8(),
  });
  return checkResponse(result);
}

function isWithin(path: string, whole: string): boolean {
  return path === whole || path.startsWith(`${whole}.`) || path.startsWith(`${whole}[`);
}

/** For ignored changes the engine passes the old inputs. The provider must also ignore their differences from the state. */
function diff(provider: Provider, request: DiffRequest) {
  const { changes, ...rest } = resourceOf(provider, request.getUrn()).diff(
    fromStruct(request.getOldInputs()),
    fromStruct(request.getOlds()),
    fromStruct(request.getNews()),
  );
  const ignored = request.getIgnorechangesList();
  const counts = ({ path }: Change) => !ignored.some((whole) => isWithin(path, whole));
  return diffResponse({ ...rest, changes: changes.filter(counts) });
}

async function create(provider: Provider, operations: Operations, request: CreateRequest) {
  const resource = resourceOf(provider, request.getUrn());
  const inputs = fromStruct(request.getProperties());
  const response = new CreateResponse();
  if (request.getPreview()) {
    response.setProperties(toStruct(resource.planCreate(inputs)));
    return response;
  }
  const created = await resource.create(inputs, operations.start(request));
  response.setId(created.id);
  response.setProperties(toStruct(created.outputs));
  return response;
}

async function read(provider: Provider, request: ReadRequest) {
  const resource = resourceOf(provider, request.getUrn());
  const outputs = fromStruct(request.getProperties());
  if (Object.keys(outputs).length === 0 || containsUnknown(outputs)) {
    throw new Error(`offline ${provider.name} provider does not cover the import or lookup of a resource`);
  }
  const found = await resource.read(request.getId(), outputs, fromStruct(request.getInputs()));
  const response = new ReadResponse();
  if (found !== undefined) {
    response.setId(request.getId());
    response.setProperties(toStruct(found.outputs));
    response.setInputs(toStruct(found.inputs));
  }
  return response;
}

async function update(provider: Provider, operations: Operations, request: UpdateRequest) {
  const resource = resourceOf(provider, request.getUrn());
  const oldInputs = fromStruct(request.getOldInputs());
  const olds = fromStruct(request.getOlds());
  const news = fromStruct(request.getNews());
  const response = new UpdateResponse();
  const outputs = request.getPreview()
    ? resource.planUpdate(oldInputs, olds, news)
    : await resource.update(request.getId(), oldInputs, olds, news, operations.start(request));
  response.setProperties(toStruct(outputs));
  return response;
}

async function remove(provider: Provider, operations: Operations, request: DeleteRequest) {
  const resource = resourceOf(provider, request.getUrn());
  await resource.delete(request.getId(), fromStruct(request.getProperties()), operations.start(request));
  return new Empty();
}

function schema(provider: Provider): GetSchemaResponse {
  const response = new GetSchemaResponse();
  response.setSchema(providerSchema(provider));
  return response;
}

function pluginInfo(provider: Provider): PluginInfo {
  const info = new PluginInfo();
  info.setVersion(provider.version);
  return info;
}

/**
 * The gRPC service of a provider. As with the official providers, the engine handles secrets: it marks outputs that
 * have the name of a secret input.
 */
export function providerService(provider: Provider, operations: Operations): UntypedServiceImplementation {
  return {
    handshake: unary(() => new ProviderHandshakeResponse(), toFailure),
    getPluginInfo: unary(() => pluginInfo(provider), toFailure),
    getSchema: unary(() => schema(provider), toFailure),
    checkConfig: unary((request: CheckRequest) => checkConfig(provider, request), toFailure),
    diffConfig: unary((request: DiffRequest) => diffConfig(request), toFailure),
    configure: unary((request: ConfigureRequest) => {
      configure(provider, request);
      const response = new ConfigureResponse();
      response.setSupportspreview(true);
      return response;
    }, toFailure),
    check: unary((request: CheckRequest) => check(provider, request), toFailure),
    diff: unary((request: DiffRequest) => diff(provider, request), toFailure),
    create: unary((request: CreateRequest) => create(provider, operations, request), toFailure),
    read: unary((request: ReadRequest) => read(provider, request), toFailure),
    update: unary((request: UpdateRequest) => update(provider, operations, request), toFailure),
    delete: unary((request: DeleteRequest) => remove(provider, operations, request), toFailure),
    invoke: unary((request: InvokeRequest) => {
      throw new Error(`offline ${provider.name} provider does not cover the function ${request.getTok()}`);
    }, toFailure),
    cancel: unary(() => {
      operations.cancel();
      return new Empty();
    }, toFailure),
  };
}
