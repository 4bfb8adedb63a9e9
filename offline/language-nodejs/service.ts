import { status, type ServerWritableStream, type UntypedServiceImplementation } from "@grpc/grpc-js";
import { Empty } from "google-protobuf/google/protobuf/empty_pb";
import {
  AboutResponse,
  DependencyInfo,
  GetProgramDependenciesResponse,
  GetRequiredPackagesResponse,
  LanguageHandshakeResponse,
  RuntimeOptionsResponse,
  type GetProgramDependenciesRequest,
  type GetRequiredPackagesRequest,
  type LanguageHandshakeRequest,
  type RunRequest,
} from "@pulumi/pulumi/proto/language_pb";
import { PackageDependency, PluginInfo } from "@pulumi/pulumi/proto/plugin_pb";
import { unary } from "../grpc/unary";
import { sdkVersion } from "../sdk-version";
import { installDependencies } from "./install-dependencies";
import { dependencies, requiredPackages, type RequiredPackage } from "./packages";
import { run } from "./run";
import { runPlugin } from "./run-plugin";

export interface HostOptions {
  engineAddress: string;
  tracing: string | undefined;
}

/** Answers a streaming call with an async function. An error of the function becomes the error of the call. */
function streaming<Request, Response>(
  answer: (call: ServerWritableStream<Request, Response>) => Promise<void>,
): (call: ServerWritableStream<Request, Response>) => void {
  return (call) => {
    answer(call).then(
      () => call.end(),
      (error: unknown) => {
        call.emit("error", { code: status.UNKNOWN, details: (error as Error).message });
      },
    );
  };
}

function packageDependency({ name, version, server }: RequiredPackage): PackageDependency {
  const dependency = new PackageDependency();
  dependency.setName(name);
  dependency.setKind("resource");
  dependency.setVersion(version);
  dependency.setServer(server ?? "");
  return dependency;
}

function getRequiredPackages(request: GetRequiredPackagesRequest): GetRequiredPackagesResponse {
  const directory = request.getInfo()?.getProgramDirectory() ?? "";
  const response = new GetRequiredPackagesResponse();
  response.setPackagesList(requiredPackages(directory).map(packageDependency));
  return response;
}

function getProgramDependencies(request: GetProgramDependenciesRequest): GetProgramDependenciesResponse {
  if (request.getTransitivedependencies()) {
    throw new Error("offline language host lists direct dependencies only");
  }
  const response = new GetProgramDependenciesResponse();
  const directory = request.getInfo()?.getProgramDirectory() ?? "";
  response.setDependenciesList(
    dependencies(directory).map(({ name, version }) => {
      const info = new DependencyInfo();
      info.setName(name);
      info.setVersion(version);
      return info;
    }),
  );
  return response;
}

function about(): AboutResponse {
  const response = new AboutResponse();
  response.setExecutable(process.execPath);
  response.setVersion(process.version);
  response.getMetadataMap().set("packagemanager", "npm");
  return response;
}

function pluginInfo(): PluginInfo {
  const info = new PluginInfo();
  info.setVersion(sdkVersion("@pulumi/pulumi"));
  return info;
}

/** The gRPC service of the language host. Methods that are missing here answer "not implemented". */
export function languageService(options: HostOptions): UntypedServiceImplementation {
  const cancelled = new AbortController();
  let { engineAddress } = options;
  return {
    handshake: unary((request: LanguageHandshakeRequest) => {
      engineAddress = request.getEngineAddress();
      return new LanguageHandshakeResponse();
    }),
    getPluginInfo: unary(pluginInfo),
    getRequiredPackages: unary(getRequiredPackages),
    run: unary((request: RunRequest) => run(request, engineAddress, options.tracing, cancelled.signal)),
    runPlugin: streaming((call: Parameters<typeof runPlugin>[0]) => runPlugin(call, cancelled.signal)),
    installDependencies: streaming((call: Parameters<typeof installDependencies>[0]) =>
      installDependencies(call, cancelled.signal),
    ),
    runtimeOptionsPrompts: unary(() => new RuntimeOptionsResponse()),
    about: unary(about),
    getProgramDependencies: unary(getProgramDependencies),
    cancel: unary(() => {
      cancelled.abort();
      return new Empty();
    }),
  };
}
