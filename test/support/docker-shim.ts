/** A `docker` in front of the real one, by which a test acts between two steps of a program. */
import { execa } from "execa";
import { chmod, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { removeFolder, temporaryFolder } from "./resources";

/**
 * Counts the calls that change something, from the one on that records that the port is about to change hands, and kills the
 * program after the call of a number. Before the first stop of a container it waits, where it is told to.
 */
const script = (real: string, folder: string) => `#!/bin/bash
cd ${folder}
if [ "$1" = stop ] && [ -e pause ] && [ "\${@: -1}" = "$(cat pause)" ]; then
  touch paused
  while [ -e pause ]; do sleep 0.1; done
fi
cd "$OLDPWD"
"${real}" "$@"
status=$?
cd ${folder}
case "$1 $2" in
  "volume create") case "$*" in *postgis-backup-switching-*) touch armed;; esac ;;
  "volume rm"|"network "*|stop*|start*|update*) ;;
  *) exit $status ;;
esac
[ -e armed ] || exit $status
echo "$1 $2" >> calls
if [ -e kill ] && [ "$(wc -l < calls)" = "$(cat kill)" ]; then kill -KILL "$PPID"; fi
exit $status
`;

export interface DockerShim {
  /** For the program: this `docker` comes first. */
  readonly env: Readonly<Record<string, string>>;
  /** The next run is killed after this call; undefined for none. */
  killAfter(call: number | undefined): Promise<void>;
  /** The calls that the last run made, and that change something. */
  calls(): Promise<string[]>;
  /** The next run stops before it stops this container, until `resume`. */
  pauseBeforeStop(containerId: string): Promise<{ paused: Promise<void>; resume: () => Promise<void> }>;
  remove(): Promise<void>;
}

export async function createDockerShim(): Promise<DockerShim> {
  const folder = await temporaryFolder();
  const { stdout: real } = await execa("sh", ["-c", "command -v docker"]);
  const file = (name: string) => path.join(folder, name);
  await writeFile(file("docker"), script(real, folder));
  await chmod(file("docker"), 0o755);
  const forget = (...names: string[]) => Promise.all(names.map((name) => rm(file(name), { force: true })));
  const exists = async (name: string) => (await readFile(file(name)).catch(() => undefined)) !== undefined;
  return {
    env: { PATH: `${folder}:${process.env["PATH"] ?? ""}` },
    killAfter: async (call) => {
      await forget("armed", "calls", "kill");
      if (call !== undefined) await writeFile(file("kill"), String(call));
    },
    calls: async () =>
      (await readFile(file("calls"), "utf8").catch(() => "")).split("\n").filter((line) => line !== ""),
    pauseBeforeStop: async (containerId) => {
      await forget("paused");
      await writeFile(file("pause"), containerId);
      const waitForPause = async () => {
        while (!(await exists("paused"))) await sleep(100);
      };
      return {
        paused: waitForPause(),
        resume: async () => {
          await forget("pause");
        },
      };
    },
    remove: () => removeFolder(folder),
  };
}
