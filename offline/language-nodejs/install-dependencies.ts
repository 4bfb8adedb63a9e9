import { existsSync } from "node:fs";
import { join } from "node:path";
import type { ServerWritableStream } from "@grpc/grpc-js";
import {
  InstallDependenciesResponse,
  type InstallDependenciesRequest,
} from "@pulumi/pulumi/proto/language_pb";
import { runProgram } from "./child";
import { optionsOf } from "./options";

type Call = ServerWritableStream<InstallDependenciesRequest, InstallDependenciesResponse>;

function write(call: Call, fill: (response: InstallDependenciesResponse) => void): void {
  const response = new InstallDependenciesResponse();
  fill(response);
  call.write(response);
}

/** Installs a program's npm dependencies, from its lock file if there is one. */
export async function installDependencies(call: Call, cancelled: AbortSignal): Promise<void> {
  const info = call.request.getInfo();
  const directory = info?.getProgramDirectory() ?? call.request.getDirectory();
  optionsOf(info);
  const say = (text: string): void => {
    write(call, (response) => response.setStdout(Buffer.from(text)));
  };
  say("Installing dependencies...\n\n");
  const locked = existsSync(join(directory, "package-lock.json"));
  const exitCode = await runProgram(
    "npm",
    [locked ? "ci" : "install", "--loglevel=error"],
    { cwd: directory },
    cancelled,
    {
      stdout: (chunk) => {
        write(call, (response) => response.setStdout(chunk));
      },
      stderr: (chunk) => {
        write(call, (response) => response.setStderr(chunk));
      },
    },
  );
  if (exitCode !== 0) throw new Error(`npm failed to install the dependencies of ${directory}`);
  say("Finished installing dependencies\n\n");
}
