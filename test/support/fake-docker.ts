/** A `docker` that answers as a test says, and remembers what it was asked and given. */
import { chmod, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import type { Docker } from "../../runner/docker/docker";
import { removeFolder, temporaryFolder } from "./resources";

export interface FakeDocker {
  readonly docker: Docker;
  /** The arguments of each call. */
  calls(): Promise<string[]>;
  /** What all calls that were given something read together. */
  input(): Promise<string>;
  remove(): Promise<void>;
}

/** `answer` is shell: its standard output and its exit status are those of the call. */
export async function fakeDocker(answer: string): Promise<FakeDocker> {
  const folder = await temporaryFolder();
  const at = (name: string) => path.join(folder, name);
  await writeFile(at("docker"), `#!/bin/sh\necho "$*" >>${at("calls")}\n${answer}\ncat >>${at("input")}\n`);
  await chmod(at("docker"), 0o755);
  const read = (name: string) => readFile(at(name), "utf8").catch(() => "");
  return {
    docker: { env: { PATH: `${folder}:${process.env["PATH"] ?? ""}` } },
    calls: async () => (await read("calls")).split("\n").filter((line) => line !== ""),
    input: () => read("input"),
    remove: () => removeFolder(folder),
  };
}
