import { join } from "node:path";
import { RunResponse, type RunRequest } from "@pulumi/pulumi/proto/language_pb";
import { runArguments, runEnvironment } from "./arguments";
import { runNode } from "./child";
import { optionsEnvironment, optionsOf } from "./options";
import { resolveSdk } from "./resolve";

const PLAIN_ERRORS = join(__dirname, "plain-errors.js");

/** The SDK exits with this code if it has already reported the error to the user. */
const ALREADY_REPORTED = 32;

function response(error: string, bail = false): RunResponse {
  const result = new RunResponse();
  result.setError(error);
  result.setBail(bail);
  return result;
}

export function responseOf(exitCode: number): RunResponse {
  if (exitCode === 0) return response("");
  if (exitCode === ALREADY_REPORTED) return response("", true);
  return response(`Program exited with non-zero exit code: ${exitCode}`);
}

/** Runs a Pulumi program. It prints to the output of the host, which the engine shows. */
export async function run(
  request: RunRequest,
  engineAddress: string,
  tracing: string | undefined,
  signal: AbortSignal,
): Promise<RunResponse> {
  try {
    if (request.getAttachDebugger()) {
      throw new Error("offline language host does not cover attaching a debugger");
    }
    const info = request.getInfo();
    const directory = info?.getProgramDirectory() ?? request.getPwd();
    const options = optionsOf(info);
    const module = process.env["PULUMI_LANGUAGE_NODEJS_RUN_PATH"] ?? "@pulumi/pulumi/cmd/run";
    const script = resolveSdk(module, directory, "pulumi install");
    const exitCode = await runNode(
      [
        "--require",
        PLAIN_ERRORS,
        ...options.nodeargs,
        script,
        ...runArguments(request, engineAddress, tracing),
      ],
      { env: { ...process.env, ...runEnvironment(request), ...optionsEnvironment(options) } },
      signal,
    );
    return responseOf(exitCode);
  } catch (error) {
    return response((error as Error).message);
  }
}
