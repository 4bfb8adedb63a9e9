"use strict";
var __importDefault = (this && this.__importDefault) || function (mod) {
    return (mod && mod.__esModule) ? mod : { "default": mod };
};
Object.defineProperty(exports, "__esModule", { value: true });
const strict_1 = __importDefault(require("node:assert/strict"));
const node_util_1 = require("node:util");
const grpc_js_1 = require("@grpc/grpc-js");
const empty_pb_1 = require("google-protobuf/google/protobuf/empty_pb");
const provider_grpc_pb_1 = require("@pulumi/pulumi/proto/provider_grpc_pb");
const provider_pb_1 = require("@pulumi/pulumi/proto/provider_pb");
const status_pb_1 = require("@pulumi/pulumi/proto/status_pb");
const mocha_1 = require("mocha");
const operations_1 = require("../../../offline/provider/operations");
const provider_1 = require("../../../offline/provider/provider");
const service_1 = require("../../../offline/provider/service");
const value_1 = require("../../../offline/provider/value");
const URN = "urn:pulumi:dev::project::parent:index:Parent$fake:index:Thing::name::with::colons";
const thing = {
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
(0, mocha_1.describe)("offline provider server", () => {
    let server;
    let client;
    let resource;
    let configured;
    (0, mocha_1.beforeEach)(async () => {
        resource = { ...thing };
        configured = undefined;
        const provider = {
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
        server = new grpc_js_1.Server();
        const operations = new operations_1.Operations(() => Promise.resolve(), undefined);
        server.addService(provider_grpc_pb_1.ResourceProviderService, (0, service_1.providerService)(provider, operations));
        const bind = (0, node_util_1.promisify)(server.bindAsync.bind(server));
        const port = await bind("127.0.0.1:0", grpc_js_1.ServerCredentials.createInsecure());
        client = new provider_grpc_pb_1.ResourceProviderClient(`127.0.0.1:${port}`, grpc_js_1.credentials.createInsecure());
    });
    (0, mocha_1.afterEach)(() => {
        client.close();
        server.forceShutdown();
    });
    function call(method, request) {
        return new Promise((resolve, reject) => {
            const methods = client;
            methods[method]?.call(client, request, (error, response) => {
                if (error)
                    reject(error);
                else
                    resolve(response);
            });
        });
    }
    function create(preview = false) {
        const request = new provider_pb_1.CreateRequest();
        request.setUrn(URN);
        request.setProperties((0, value_1.toStruct)({}));
        request.setPreview(preview);
        return request;
    }
    (0, mocha_1.it)("describes what it covers", async () => {
        const response = await call("getSchema", new provider_pb_1.GetSchemaRequest());
        const any = { $ref: "pulumi.json#/Any" };
        strict_1.default.deepEqual(JSON.parse(response.getSchema()), {
            name: "fake",
            version: "1.0.0",
            config: { variables: { host: any } },
            provider: { inputProperties: { host: any } },
            resources: { "fake:index:Thing": { inputProperties: { a: any }, properties: { a: any, b: any } } },
        });
    });
    (0, mocha_1.it)("finds the type in a URN", () => {
        strict_1.default.equal((0, service_1.typeOf)(URN), "fake:index:Thing");
        strict_1.default.equal((0, service_1.typeOf)("urn:pulumi:dev::p::a:b:C::n"), "a:b:C");
    });
    (0, mocha_1.it)("refuses a type that it does not cover", async () => {
        const request = create();
        request.setUrn("urn:pulumi:dev::p::fake:index:Other::n");
        await strict_1.default.rejects(call("create", request), {
            details: "offline fake provider does not cover fake:index:Other",
        });
    });
    (0, mocha_1.it)("creates, and only plans in a preview", async () => {
        const response = await call("create", create());
        strict_1.default.equal(response.getId(), "id");
        const planned = await call("create", create(true));
        strict_1.default.equal(planned.getId(), "");
        strict_1.default.deepEqual((0, value_1.fromStruct)(planned.getProperties()), { planned: true });
    });
    (0, mocha_1.it)("passes on changes with their kinds", async () => {
        const request = new provider_pb_1.DiffRequest();
        request.setUrn(URN);
        const response = await call("diff", request);
        strict_1.default.equal(response.getChanges(), provider_pb_1.DiffResponse.DiffChanges.DIFF_SOME);
        strict_1.default.deepEqual(response.getDiffsList(), ["a", "c"]);
        strict_1.default.deepEqual(response.getReplacesList(), ["c"]);
        strict_1.default.equal(response.getDeletebeforereplace(), true);
        strict_1.default.equal(response.getDetaileddiffMap().get("a.b")?.getKind(), provider_pb_1.PropertyDiff.Kind.UPDATE);
        strict_1.default.equal(response.getDetaileddiffMap().get("c[0]")?.getKind(), provider_pb_1.PropertyDiff.Kind.ADD_REPLACE);
    });
    (0, mocha_1.it)("passes on failed checks", async () => {
        const request = new provider_pb_1.CheckRequest();
        request.setUrn(URN);
        const response = await call("check", request);
        strict_1.default.deepEqual(response.getFailuresList().map((failure) => failure.getReason()), ["is bad"]);
    });
    (0, mocha_1.it)("gives an error's message and nothing of its stack", async () => {
        resource.create = () => Promise.reject(new Error("it broke"));
        await strict_1.default.rejects(call("create", create()), { details: "it broke" });
    });
    (0, mocha_1.it)("tells what exists when a creation fails halfway", async () => {
        resource.create = () => Promise.reject(new provider_1.PartialFailure("not ready", "id7", { made: true }));
        const error = await call("create", create()).catch((reason) => reason);
        const [packed] = error.metadata.get("grpc-status-details-bin");
        const [detail] = status_pb_1.Status.deserializeBinary(packed).getDetailsList();
        const failed = detail.unpack((bytes) => provider_pb_1.ErrorResourceInitFailed.deserializeBinary(bytes), "pulumirpc.ErrorResourceInitFailed");
        strict_1.default.equal(failed?.getId(), "id7");
        strict_1.default.deepEqual(failed.getReasonsList(), ["not ready"]);
        strict_1.default.deepEqual((0, value_1.fromStruct)(failed.getProperties()), { made: true });
    });
    (0, mocha_1.it)("aborts running operations on cancel", async () => {
        resource.create = (_inputs, { signal }) => new Promise((_resolve, reject) => {
            signal.addEventListener("abort", () => {
                reject(new Error("aborted"));
            });
        });
        const running = strict_1.default.rejects(call("create", create()), { details: "aborted" });
        await call("cancel", new empty_pb_1.Empty());
        await running;
    });
    (0, mocha_1.it)("aborts an operation that outlives its time-out", async () => {
        resource.create = (_inputs, { signal }) => new Promise((_resolve, reject) => {
            signal.addEventListener("abort", () => {
                reject(new Error("out of time"));
            });
            // The time-out alone does not keep the process alive.
            setTimeout(() => undefined, 500);
        });
        const request = create();
        request.setTimeout(0.05);
        await strict_1.default.rejects(call("create", request), { details: "out of time" });
    });
    (0, mocha_1.it)("reports a resource that is gone by an empty id", async () => {
        const request = new provider_pb_1.ReadRequest();
        request.setUrn(URN);
        request.setId("id");
        request.setProperties((0, value_1.toStruct)({ a: 1 }));
        strict_1.default.equal((await call("read", request)).getId(), "");
    });
    (0, mocha_1.it)("refuses to import", async () => {
        const request = new provider_pb_1.ReadRequest();
        request.setUrn(URN);
        request.setId("id");
        await strict_1.default.rejects(call("read", request), /does not cover the import/);
    });
    (0, mocha_1.it)("takes its own configuration and refuses any other", async () => {
        const configure = new provider_pb_1.ConfigureRequest();
        configure.getVariablesMap().set("fake:config:host", "unix:///x").set("other:config:host", "y");
        await call("configure", configure);
        strict_1.default.deepEqual(configured, { host: "unix:///x" });
        const check = new provider_pb_1.CheckRequest();
        check.setNews((0, value_1.toStruct)({ host: "x", version: "1.0.0", registryAuth: "[]" }));
        const response = await call("checkConfig", check);
        strict_1.default.deepEqual(response.getFailuresList().map((failure) => failure.getProperty()), ["registryAuth"]);
    });
});
