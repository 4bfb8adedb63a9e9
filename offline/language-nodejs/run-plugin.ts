import type { ServerWritableStream } from "@grpc/grpc-js";
import { RunPluginResponse, type RunPluginRequest } from "@pulumi/pulumi/proto/language_pb";
import { runNode } from "./child";
import { optionsEnvironment, optionsOf } from "./options";
import { resolveSdk } from "./resolve";

type Call = ServerWritableStream<RunPluginRequest, RunPluginResponse>;

function write(call: Call, fill: (response: RunPluginResponse) => void): void {
  const response = new RunPluginResponse();
  fill(response);
  call.write(response);
}

/** The variables that the engine passes as `NAME=value`. */
export function environmentOf(list: string[]): Record<string, string> {
  return Object.fromEntries(
    list.map((entry) => {
      const end = entry.indexOf("=");
      return [entry.slice(0, end), entry.slice(end + 1)];
    }),
  );
}

interface PluginProgram {
  /** The module of the SDK that runs it. */
  readonly module: string;
  readonly args: string[];
  readonly folder: string;
}

/**
 * A policy pack gets its folder as the last argument, and runs there. Unlike with the official host, it has no configuration of the
 * stack.
 */
function programOf(request: RunPluginRequest, directory: string): PluginProgram {
  const args = request.getArgsList();
  if (request.getKind() === "analyzer")
    return { module: "@pulumi/pulumi/cmd/run-policy-pack", args: [...args, directory], folder: directory };
  const module = process.env["PULUMI_LANGUAGE_NODEJS_RUN_PATH"] ?? "@pulumi/pulumi/cmd/run-plugin";
  return { module, args: [directory, ...args], folder: request.getPwd() };
}

/** Runs a plugin written in TypeScript, such as a folder of components or of policies, and streams its output. */
export async function runPlugin(call: Call, cancelled: AbortSignal): Promise<void> {
  const { request } = call;
  if (request.getAttachDebugger()) {
    throw new Error("offline language host does not cover attaching a debugger");
  }
  const directory = request.getInfo()?.getProgramDirectory() ?? request.getProgram();
  const options = optionsOf(request.getInfo());
  const { module, args, folder } = programOf(request, directory);
  const script = resolveSdk(module, directory, `npm install in ${directory}`);

  const ended = new AbortController();
  call.on("cancelled", () => {
    ended.abort();
  });
  const exitCode = await runNode(
    [...options.nodeargs, script, ...args],
    {
      cwd: folder,
      env: { ...environmentOf(request.getEnvList()), ...optionsEnvironment(options) },
    },
    AbortSignal.any([cancelled, ended.signal]),
    {
      stdout: (chunk) => {
        write(call, (response) => response.setStdout(chunk));
      },
      stderr: (chunk) => {
        write(call, (response) => response.setStderr(chunk));
      },
    },
  );
  if (exitCode !== 0) throw new Error(`Program exited with non-zero exit code: ${exitCode}`);
  write(call, (response) => response.setExitcode(0));
}
