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

/** Runs a plugin written in TypeScript, such as a folder of components, and streams its output. */
export async function runPlugin(call: Call, cancelled: AbortSignal): Promise<void> {
  const { request } = call;
  if (request.getKind() === "analyzer") {
    throw new Error("offline language host does not cover policy packs");
  }
  if (request.getAttachDebugger()) {
    throw new Error("offline language host does not cover attaching a debugger");
  }
  const directory = request.getInfo()?.getProgramDirectory() ?? request.getProgram();
  const options = optionsOf(request.getInfo());
  const module = process.env["PULUMI_LANGUAGE_NODEJS_RUN_PATH"] ?? "@pulumi/pulumi/cmd/run-plugin";
  const script = resolveSdk(module, directory, `npm install in ${directory}`);

  const ended = new AbortController();
  call.on("cancelled", () => {
    ended.abort();
  });
  const exitCode = await runNode(
    [...options.nodeargs, script, directory, ...request.getArgsList()],
    {
      cwd: request.getPwd(),
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
