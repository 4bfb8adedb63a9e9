import assert from "node:assert/strict";
import { promisify } from "node:util";
import { Client, credentials, Server, ServerCredentials, type ServiceError } from "@grpc/grpc-js";
import { Any } from "google-protobuf/google/protobuf/any_pb";
import { Empty } from "google-protobuf/google/protobuf/empty_pb";
import { ResourceProviderClient, ResourceProviderService } from "@pulumi/pulumi/proto/provider_grpc_pb";
import {
  CheckRequest,
  ConfigureRequest,
  CreateRequest,
  DiffRequest,
  DiffResponse,
  ErrorResourceInitFailed,
  GetSchemaRequest,
  PropertyDiff,
  ReadRequest,
} from "@pulumi/pulumi/proto/provider_pb";
import { Status } from "@pulumi/pulumi/proto/status_pb";
import { afterEach, beforeEach, describe, it } from "mocha";
import { Operations } from "../../../offline/provider/operations";
import {
  PartialFailure,
  type Operation,
  type Provider,
  type Resource,
} from "../../../offline/provider/provider";
import { providerService, typeOf } from "../../../offline/provider/service";
import { fromStruct, toStruct } from "../../../offline/provider/value";

const URN = "urn:pulumi:dev::project::parent:index:Parent$fake:index:Thing::name::with::colons";

const thing: Resource = {
  inputs: ["a"],
  outputs: ["b"],
  check: (inputs) => ({ inputs, failures: [{ property: "a", reason: "is bad" }] }),
  diff: () => ({
    changes: [
      { path: "a.b", kind: "update", replace: false },
      { path: "c[0]", kind: "add", replace: true },
    ],
    deleteBeforeReplace: true,
  }),
  planCreate: () => ({ planned: true }),
  planUpdate: () => ({}),
  create: () => Promise.resolve({ id: "id", outputs: { made: true } }),
  read: () => Promise.resolve(undefined),
  update: () => Promise.resolve({}),
  delete: () => Promise.resolve(),
};

describe("offline provider server", () => {
  let server: Server;
  let client: Client;
  let resource: Resource;
  let configured: Record<string, string> | undefined;

  beforeEach(async () => {
    resource = { ...thing };
    configured = undefined;
    const provider: Provider = {
      name: "fake",
      version: "1.0.0",
      configKeys: ["host"],
      configure: (config) => {
        configured = config;
      },
      get resources() {
        return { "fake:index:Thing": resource };
      },
    };
    server = new Server();
    const operations = new Operations(() => Promise.resolve(), undefined);
    server.addService(ResourceProviderService, providerService(provider, operations));
    const bind = promisify(server.bindAsync.bind(server));
    const port = await bind("127.0.0.1:0", ServerCredentials.createInsecure());
    client = new ResourceProviderClient(`127.0.0.1:${port}`, credentials.createInsecure());
  });

  afterEach(() => {
    client.close();
    server.forceShutdown();
  });

  function call<Response>(method: string, request: object): Promise<Response> {
    return new Promise((resolve, reject) => {
      const methods = client as unknown as Record<
        string,
        (request: object, done: (error: ServiceError | null, response: Response) => void) => void
      >;
      methods[method]?.call(client, request, (error, response) => {
        if (error) reject(error);
        else resolve(response);
      });
    });
  }

  function create(preview = false): CreateRequest {
    const request = new CreateRequest();
    request.setUrn(URN);
    request.setProperties(toStruct({}));
    request.setPreview(preview);
    return request;
  }

  it("describes what it covers", async () => {
    const response = await call<{ getSchema(): string }>("getSchema", new GetSchemaRequest());
    const any = { $ref: "pulumi.json#/Any" };
    assert.deepEqual(JSON.parse(response.getSchema()), {
      name: "fake",
      version: "1.0.0",
      config: { variables: { host: any } },
      provider: { inputProperties: { host: any } },
      resources: { "fake:index:Thing": { inputProperties: { a: any }, properties: { a: any, b: any } } },
    });
  });

  it("finds the type in a URN", () => {
    assert.equal(typeOf(URN), "fake:index:Thing");
    assert.equal(typeOf("urn:pulumi:dev::p::a:b:C::n"), "a:b:C");
  });

  it("refuses a type that it does not cover", async () => {
    const request = create();
    request.setUrn("urn:pulumi:dev::p::fake:index:Other::n");
    await assert.rejects(call("create", request), {
      details: "offline fake provider does not cover fake:index:Other",
    });
  });

  it("creates, and only plans in a preview", async () => {
    const response = await call<{ getId(): string; getProperties(): never }>("create", create());
    assert.equal(response.getId(), "id");
    const planned = await call<{ getId(): string; getProperties(): never }>("create", create(true));
    assert.equal(planned.getId(), "");
    assert.deepEqual(fromStruct(planned.getProperties()), { planned: true });
  });

  it("passes on changes with their kinds", async () => {
    const request = new DiffRequest();
    request.setUrn(URN);
    const response = await call<DiffResponse>("diff", request);
    assert.equal(response.getChanges(), DiffResponse.DiffChanges.DIFF_SOME);
    assert.deepEqual(response.getDiffsList(), ["a", "c"]);
    assert.deepEqual(response.getReplacesList(), ["c"]);
    assert.equal(response.getDeletebeforereplace(), true);
    assert.equal(response.getDetaileddiffMap().get("a.b")?.getKind(), PropertyDiff.Kind.UPDATE);
    assert.equal(response.getDetaileddiffMap().get("c[0]")?.getKind(), PropertyDiff.Kind.ADD_REPLACE);
  });

  it("leaves out changes of what is ignored, or lies within it", async () => {
    const request = new DiffRequest();
    request.setUrn(URN);
    request.setIgnorechangesList(["a", "other"]);
    const response = await call<DiffResponse>("diff", request);
    assert.deepEqual(response.getDiffsList(), ["c"]);
    request.setIgnorechangesList(["a", "c"]);
    const nothing = await call<DiffResponse>("diff", request);
    assert.equal(nothing.getChanges(), DiffResponse.DiffChanges.DIFF_NONE);
  });

  it("passes on failed checks", async () => {
    const request = new CheckRequest();
    request.setUrn(URN);
    const response = await call<{ getFailuresList(): { getReason(): string }[] }>("check", request);
    assert.deepEqual(
      response.getFailuresList().map((failure) => failure.getReason()),
      ["is bad"],
    );
  });

  it("gives an error's message and nothing of its stack", async () => {
    resource.create = () => Promise.reject(new Error("it broke"));
    await assert.rejects(call("create", create()), { details: "it broke" });
  });

  it("tells what exists when a creation fails halfway", async () => {
    resource.create = () => Promise.reject(new PartialFailure("not ready", "id7", { made: true }));
    const error = await call("create", create()).catch((reason: unknown) => reason as ServiceError);
    const [packed] = (error as ServiceError).metadata.get("grpc-status-details-bin");
    const [detail] = Status.deserializeBinary(packed as Buffer).getDetailsList() as [Any];
    const failed = detail.unpack(
      (bytes) => ErrorResourceInitFailed.deserializeBinary(bytes),
      "pulumirpc.ErrorResourceInitFailed",
    );
    assert.equal(failed?.getId(), "id7");
    assert.deepEqual(failed.getReasonsList(), ["not ready"]);
    assert.deepEqual(fromStruct(failed.getProperties()), { made: true });
  });

  it("aborts running operations on cancel", async () => {
    resource.create = (_inputs, { signal }: Operation) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener("abort", () => {
          reject(new Error("aborted"));
        });
      });
    const running = assert.rejects(call("create", create()), { details: "aborted" });
    await call("cancel", new Empty());
    await running;
  });

  it("aborts an operation that outlives its time-out", async () => {
    resource.create = (_inputs, { signal }: Operation) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener("abort", () => {
          reject(new Error("out of time"));
        });
        // The time-out alone does not keep the process alive.
        setTimeout(() => undefined, 500);
      });
    const request = create();
    request.setTimeout(0.05);
    await assert.rejects(call("create", request), { details: "out of time" });
  });

  it("reports a resource that is gone by an empty id", async () => {
    const request = new ReadRequest();
    request.setUrn(URN);
    request.setId("id");
    request.setProperties(toStruct({ a: 1 }));
    assert.equal((await call<{ getId(): string }>("read", request)).getId(), "");
  });

  it("refuses to import", async () => {
    const request = new ReadRequest();
    request.setUrn(URN);
    request.setId("id");
    await assert.rejects(call("read", request), /does not cover the import/);
  });

  it("takes its own configuration and refuses any other", async () => {
    const configure = new ConfigureRequest();
    configure.getVariablesMap().set("fake:config:host", "unix:///x").set("other:config:host", "y");
    await call("configure", configure);
    assert.deepEqual(configured, { host: "unix:///x" });
    const check = new CheckRequest();
    check.setNews(toStruct({ host: "x", version: "1.0.0", registryAuth: "[]" }));
    const response = await call<{ getFailuresList(): { getProperty(): string }[] }>("checkConfig", check);
    assert.deepEqual(
      response.getFailuresList().map((failure) => failure.getProperty()),
      ["registryAuth"],
    );
  });
});
